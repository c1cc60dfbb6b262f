# Brings CloudTrail records of one region to Latchkey. It makes the same resources as `latchkey aws setup`, and
# `latchkey aws check` compares them. Use it in every region that has a bucket in the rules, and in the region of IAM.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  of_iam    = lookup({ "aws-us-gov" = "us-gov-west-1", "aws-cn" = "cn-north-1" }, local.partition, "us-east-1")

  # Names, descriptions and event types that `latchkey aws setup` writes too.
  feed       = jsondecode(file("${path.module}/feed.json"))
  role_names = [for arn in var.elevation_roles : element(split("/", arn), length(split("/", arn)) - 1)]
  # The ARN by which CloudTrail names the caller. Of a role that is a session's ARN, which has no path.
  ours     = [for arn in sort(var.identities) : replace(arn, "/^(arn:[\\w-]+):iam::(\\d{12}):role/(?:.*/)?([^/]+)$/", "$1:sts::$2:assumed-role/$3/*")]
  others   = { arn = [{ "anything-but" = { wildcard = local.ours } }] }
  ours_at  = distinct([for arn in sort(var.identities) : split(":", arn)[4]])
  subjects = [{ roleName = local.role_names }, { policyName = [{ prefix = "latchkey" }] }, { policyArn = [{ prefix = "arn:${local.partition}:iam::${local.account}:policy/latchkey" }] }]

  patterns = {
    (local.feed.rules.s3.name) = jsonencode({
      source        = ["aws.s3"]
      "detail-type" = local.feed.trailTypes
      detail = {
        eventSource       = ["s3.amazonaws.com"]
        requestParameters = { bucketName = var.buckets }
        eventName         = [{ "anything-but" = local.feed.incompleteUploads }]
        "$or"             = [{ readOnly = [false] }, { errorCode = ["AccessDenied"] }]
      }
    })
    (local.feed.rules.sessions.name) = jsonencode({
      "detail-type" = local.feed.trailTypes
      detail = {
        userIdentity = { sessionContext = { sessionIssuer = { arn = var.elevation_roles } } }
        "$or" = [
          { eventSource = [{ "anything-but" = ["s3.amazonaws.com"] }] },
          { readOnly = [true] },
          { eventCategory = ["Management"] },
          { errorCode = ["AccessDenied"] },
        ]
      }
    })
    (local.feed.rules.assumeRole.name) = jsonencode({
      source        = ["aws.sts"]
      "detail-type" = local.feed.trailTypes
      detail = {
        eventName         = [{ prefix = "AssumeRole" }]
        requestParameters = { roleArn = var.elevation_roles }
        "$or" = [
          { userIdentity = local.others },
          { userIdentity = { arn = [{ exists = false }], accountId = [{ "anything-but" = local.ours_at }] } },
        ]
      }
    })
    (local.feed.rules.policies.name) = jsonencode({
      source        = ["aws.iam"]
      "detail-type" = local.feed.trailTypes
      detail = {
        readOnly     = [false]
        userIdentity = local.others
        "$or"        = [for subject in local.subjects : { requestParameters = subject }]
      }
    })
    (local.feed.rules.selfTest.name) = jsonencode({ source = ["latchkey.self-test"] })
  }
  descriptions = { for one in values(local.feed.rules) : one.name => one.description }
  # CloudTrail records of IAM appear in one region only.
  rules = [for name in keys(local.patterns) : name
  if !(name == local.feed.rules.s3.name && length(var.buckets) == 0) && !(name == local.feed.rules.policies.name && local.region != local.of_iam)]
}

resource "aws_cloudwatch_event_connection" "latchkey" {
  name               = "latchkey"
  description        = "Latchkey, key ${nonsensitive(substr(sha256(var.key), 0, 12))}"
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = "x-latchkey-key"
      value = var.key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "latchkey" {
  name                             = "latchkey"
  connection_arn                   = aws_cloudwatch_event_connection.latchkey.arn
  invocation_endpoint              = "${var.public_url}/api/cloudtrail"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 300
}

resource "aws_iam_role" "invoke" {
  count       = var.make_invoke_role ? 1 : 0
  name        = "latchkey-events-invoke"
  description = "EventBridge calls Latchkey as this role"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RulesOfLatchkey"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:events:*:${local.account}:rule/latchkey-*" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "invoke" {
  count = var.make_invoke_role ? 1 : 0
  name  = "invoke"
  role  = aws_iam_role.invoke[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Invoke"
      Effect   = "Allow"
      Action   = "events:InvokeApiDestination"
      Resource = "arn:${local.partition}:events:*:${local.account}:api-destination/latchkey/*"
    }]
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "latchkey-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RulesOfLatchkey"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:${local.partition}:sqs:${local.region}:${local.account}:latchkey-dead-letters"
      Condition = { ArnLike = { "aws:SourceArn" = "arn:${local.partition}:events:${local.region}:${local.account}:rule/latchkey-*" } }
    }]
  })
}

resource "aws_cloudwatch_event_rule" "latchkey" {
  for_each      = toset(local.rules)
  name          = each.value
  description   = "Latchkey: ${local.descriptions[each.value]}"
  event_pattern = local.patterns[each.value]
  tags          = var.tags
  lifecycle {
    precondition {
      condition     = length(local.patterns[each.value]) <= 2048
      error_message = "EventBridge takes 2,048 characters in a pattern; ${each.value} needs ${length(local.patterns[each.value])}. `latchkey aws setup` makes several rules of it; here, give the region fewer buckets or the account fewer copies."
    }
  }
}

resource "aws_cloudwatch_event_target" "latchkey" {
  for_each  = aws_cloudwatch_event_rule.latchkey
  rule      = each.value.name
  target_id = "latchkey"
  arn       = aws_cloudwatch_event_api_destination.latchkey.arn
  role_arn  = "arn:${local.partition}:iam::${local.account}:role/latchkey-events-invoke"
  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 86400
  }
  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
  depends_on = [aws_iam_role_policy.invoke]
}
