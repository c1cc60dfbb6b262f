# Where Latchkey runs: its two AWS identities, web and workers. Neither can grant itself anything.

locals {
  identities = local.is_home ? { web = var.web_role, workers = var.workers_role } : {}
}

resource "aws_iam_policy" "identity" {
  for_each    = local.identities
  name        = "latchkey-${each.key}"
  path        = "/latchkey/"
  description = "What the ${each.key} of Latchkey may do."
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
  for_each           = { for part, name in local.identities : part => name if var.identity_trust != null }
  name               = basename(each.value)
  path               = dirname(each.value) == "." ? "/" : "/${dirname(each.value)}/"
  description        = "The ${each.key} of Latchkey"
  assume_role_policy = var.identity_trust
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "identity" {
  for_each   = aws_iam_role.identity
  role       = each.value.name
  policy_arn = aws_iam_policy.identity[each.key].arn
}
