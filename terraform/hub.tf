# Where Latchkey does not run: how its workers and its web process get in. Neither brings a source identity along, and both need the external id.

locals {
  hubs_here = local.is_home ? {} : {
    hub        = { role = var.hub.role, trust = "hub_trust" }
    hub_reader = { role = var.hub.reader, trust = "reader_trust" }
  }
}

resource "aws_iam_policy" "hub" {
  for_each    = local.hubs_here
  name        = "latchkey-${replace(each.key, "_", "-")}"
  path        = "/latchkey/"
  description = "What Latchkey may do here as ${each.value.role}."
  policy      = local.documents[each.key]
  tags        = var.tags
}

resource "aws_iam_role" "hub" {
  for_each           = local.hubs_here
  name               = trimprefix(each.value.role, "latchkey/")
  path               = "/latchkey/"
  description        = "Latchkey's way into this account"
  assume_role_policy = local.documents[each.value.trust]
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "hub" {
  for_each   = aws_iam_role.hub
  role       = each.value.name
  policy_arn = aws_iam_policy.hub[each.key].arn
}
