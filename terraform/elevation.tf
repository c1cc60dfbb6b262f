# The elevation roles, whose sessions are grants, and their permissions boundary.

resource "aws_iam_policy" "boundary" {
  name        = "latchkey-boundary"
  path        = "/latchkey/"
  description = "Permissions boundary of Latchkey's elevation roles. Latchkey compares its text before anybody is asked."
  policy      = local.documents.elevation
  tags        = var.tags
  lifecycle {
    precondition {
      condition     = length(local.documents.elevation) <= 6144
      error_message = "IAM takes 6,144 characters in a managed policy; these buckets and keys need ${length(local.documents.elevation)}. Name fewer."
    }
  }
}

# A managed policy, because Latchkey may write inline policies only and so cannot change this one.
resource "aws_iam_policy" "elevation" {
  name        = "latchkey-elevation"
  path        = "/latchkey/"
  description = "What a session of an elevation role can be given; each session policy gives a part of it."
  policy      = local.documents.elevation
  tags        = var.tags
}

resource "aws_iam_role" "elevation" {
  for_each             = toset(local.copies)
  name                 = trimprefix(each.value, "latchkey/")
  path                 = "/latchkey/"
  description          = "Elevation role of Latchkey"
  assume_role_policy   = local.documents.trust
  permissions_boundary = aws_iam_policy.boundary.arn
  max_session_duration = var.max_session_seconds
  tags                 = var.tags
  depends_on           = [aws_iam_role.identity]
  lifecycle {
    precondition {
      condition     = local.is_home || var.external_id != null
      error_message = "An account that Latchkey does not run in needs an external_id."
    }
  }
}

resource "aws_iam_role_policy_attachment" "elevation" {
  for_each   = aws_iam_role.elevation
  role       = each.value.name
  policy_arn = aws_iam_policy.elevation.arn
}

# Set it as the permissions boundary of every role and user that gets grants of the driver `attach`.
resource "aws_iam_policy" "attach_boundary" {
  count       = local.has_holders ? 1 : 0
  name        = "latchkey-attach-boundary"
  path        = "/latchkey/"
  description = "Caps what Latchkey can write into a role or user of a person's own: their everyday access, never IAM, never what outlives a grant."
  policy      = local.documents.attach_boundary
  tags        = var.tags
}
