# Latchkey's two AWS identities, web and workers. Neither can give itself rights.

locals {
  policies = {
    read          = "What the web process of Latchkey may do here: look."
    write         = "What the workers of Latchkey may do here: look, deny, and write the policies of holders."
    web_enter     = "Whose sessions the web process of Latchkey may open."
    workers_enter = "Whose sessions the workers of Latchkey may open, and the wiring that they look at."
  }
  identities     = local.is_home ? { web = var.web_role, workers = var.workers_role } : {}
  identity_roles = { for part, name in local.identities : part => name if var.identity_trust != null }
  identity_policies = {
    web     = [for name in ["read", "web_enter"] : aws_iam_policy.rights[name].arn if local.is_home]
    workers = [for name in ["write", "workers_enter"] : aws_iam_policy.rights[name].arn if local.is_home]
  }
}

resource "aws_iam_policy" "rights" {
  for_each    = { for name, description in local.policies : name => description if contains(local.made, name) }
  name        = "latchkey-${replace(each.key, "_", "-")}"
  path        = "/latchkey/"
  description = each.value
  policy      = local.documents[each.key]
  tags        = var.tags
  lifecycle {
    precondition {
      condition     = length(local.documents[each.key]) <= 6144
      error_message = "IAM takes 6,144 characters in a managed policy; these accounts, buckets and holders need ${length(local.documents[each.key])}. Name fewer."
    }
  }
}

resource "aws_iam_role" "identity" {
  for_each           = local.identity_roles
  name               = basename(each.value)
  path               = dirname(each.value) == "." ? "/" : "/${dirname(each.value)}/"
  description        = "The ${each.key} of Latchkey"
  assume_role_policy = var.identity_trust
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "web" {
  for_each   = toset([for name in ["read", "web_enter"] : name if contains(keys(local.identity_roles), "web")])
  role       = aws_iam_role.identity["web"].name
  policy_arn = aws_iam_policy.rights[each.value].arn
}

resource "aws_iam_role_policy_attachment" "workers" {
  for_each   = toset([for name in ["write", "workers_enter"] : name if contains(keys(local.identity_roles), "workers")])
  role       = aws_iam_role.identity["workers"].name
  policy_arn = aws_iam_policy.rights[each.value].arn
}
