# In an account where Latchkey does not run: the roles through which its workers and its web process enter.
# Both demand the external id, and neither takes a source identity.

locals {
  hubs_here = local.is_home ? {} : {
    hub    = { role = var.hub.role, trust = "hub_trust", rights = "write" }
    reader = { role = var.hub.reader, trust = "reader_trust", rights = "read" }
  }
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
  for_each   = local.hubs_here
  role       = aws_iam_role.hub[each.key].name
  policy_arn = aws_iam_policy.rights[each.value.rights].arn
}
