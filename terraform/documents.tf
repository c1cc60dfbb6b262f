# Every policy document is assembled from policies/*.json.tftpl. The sandbox enforces the same templates in the tests.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  iam       = "arn:${local.partition}:iam::${local.account}"

  is_home = var.home_account == null
  home    = "arn:${local.partition}:iam::${local.is_home ? local.account : var.home_account}"

  copies = [for number in range(1, var.copies + 1) : number == 1 ? var.elevation_role : "${var.elevation_role}-${number}"]

  # Replicas are named by a pattern, because twenty names for each account would not fit into a policy.
  elevation_names = { for place in concat([{ id = local.account, elevation_role = var.elevation_role, copies = var.copies }], var.accounts) :
    place.id => concat([place.elevation_role],
      place.copies > 1 ? ["${place.elevation_role}-?"] : [],
    place.copies > 9 ? ["${place.elevation_role}-??"] : [])
  }
  readers = [for other in var.accounts : "arn:${local.partition}:iam::${other.id}:role/${other.hub.reader}"]
  hubs    = [for other in var.accounts : "arn:${local.partition}:iam::${other.id}:role/${other.hub.role}"]

  # By path, so that roles that left the rules are included: their sessions may still be alive.
  # Latchkey writes only to roles with the permissions boundary.
  own_elevation_roles = ["${local.iam}:role/latchkey/*"]
  vended_roles        = flatten([for id, names in local.elevation_names : [for name in names : "arn:${local.partition}:iam::${id}:role/${name}"]])
  holder_roles        = [for name in var.attach_roles : "${local.iam}:role/${name}"]
  holder_users        = [for name in var.attach_users : "${local.iam}:user/${name}"]
  has_holders         = length(local.holder_roles) + length(local.holder_users) > 0

  boundary        = "${local.iam}:policy/latchkey/latchkey-boundary"
  attach_boundary = "${local.iam}:policy/latchkey/latchkey-attach-boundary"

  names = {
    objects         = [for name in var.buckets : "arn:${local.partition}:s3:::${name}/*"]
    buckets         = [for name in var.buckets : "arn:${local.partition}:s3:::${name}"]
    keys            = var.kms_keys
    key_services    = distinct([for key in var.kms_keys : "s3.${split(":", key)[3]}.${data.aws_partition.current.dns_suffix}"])
    identities      = ["${local.home}:role/${var.web_role}", "${local.home}:role/${var.workers_role}"]
    external_id     = var.external_id
    elevation_roles = local.own_elevation_roles
    vended_roles    = local.vended_roles
    holder_roles    = local.holder_roles
    holder_users    = local.holder_users
    users           = local.holder_users
    roles           = concat(local.own_elevation_roles, local.holder_roles)
    writable        = concat(local.own_elevation_roles, local.holder_roles, local.holder_users)
    own_policies    = "${local.iam}:policy/latchkey/*"
    boundary        = local.boundary
    attach_boundary = local.attach_boundary
    boundaries      = local.has_holders ? [local.boundary, local.attach_boundary] : [local.boundary]
    wiring = concat(["${local.iam}:role/latchkey-events-invoke", "arn:${local.partition}:sqs:*:${local.account}:latchkey-dead-letters"],
    [for kind in ["connection/latchkey*", "api-destination/latchkey*", "rule/latchkey-*"] : "arn:${local.partition}:events:*:${local.account}:${kind}"])
    # IAM allows no wildcard in the kind of a resource, so every kind is listed.
    any_of_iam  = [for kind in ["user", "role", "group", "policy", "instance-profile", "mfa", "server-certificate", "saml-provider", "oidc-provider"] : "arn:${local.partition}:iam::*:${kind}/*"]
    any_of_ours = "arn:${local.partition}:iam::*:role/latchkey/*"
  }

  elevation = concat(["elevation"], length(var.kms_keys) > 0 ? ["elevation-keys"] : [])
  read      = concat(["read"], length(var.kms_keys) > 0 ? ["read-keys"] : [], length(var.attach_users) > 0 ? ["read-users"] : [])
  write = concat(["write-deny"],
    length(var.attach_roles) > 0 ? ["write-roles"] : [],
  length(var.attach_users) > 0 ? ["write-users"] : [])
  vend = concat(["vend"], length(var.accounts) > 0 ? ["hop"] : [])

  # For each policy: the templates that it consists of, and variables for it alone.
  parts = {
    elevation       = { of = local.elevation, with = {} }
    trust           = { of = [local.is_home ? "trust" : "trust-external"], with = {} }
    attach_boundary = { of = ["attach-boundary"], with = {} }
    # Rights of web and workers in this account. Where Latchkey runs its own roles get them, elsewhere the hub roles.
    read  = { of = concat(local.read, ["never-write"]), with = {} }
    write = { of = concat(local.read, local.write, ["never-widen"]), with = {} }
    # Roles that they may assume in every account; and the right to read the wiring, for workers where Latchkey runs.
    web_enter     = { of = local.vend, with = { hubs = local.readers } }
    workers_enter = { of = concat(local.vend, ["read-wiring"]), with = { hubs = local.hubs } }
    reader_trust  = { of = ["trust-hub"], with = { identity = local.names.identities[0] } }
    hub_trust     = { of = ["trust-hub"], with = { identity = local.names.identities[1] } }
  }
  made = [for policy in keys(local.parts) : policy if !contains(local.is_home ? local.only_elsewhere : local.only_at_home, policy)]
  documents = { for policy in local.made : policy => jsonencode({
    Version = "2012-10-17"
    Statement = flatten([for name in local.parts[policy].of :
      jsondecode(templatefile("${path.module}/policies/${name}.json.tftpl", merge(local.names, local.parts[policy].with))).Statement
    ])
  }) }
  only_at_home   = ["web_enter", "workers_enter"]
  only_elsewhere = ["hub_trust", "reader_trust"]
}
