output "elevation_roles" {
  description = "ARNs of the elevation role and its copies, in the order in which they are filled."
  value       = [for name in local.copies : "${local.iam}:role/${name}"]
}

output "identities" {
  description = "ARNs of the roles that web and workers run as."
  value       = local.names.identities
}

output "boundary" {
  value = aws_iam_policy.boundary.arn
}

output "attach_boundary" {
  description = "Permissions boundary for every role and user that holds grants of the driver `attach`; null where none is named."
  value       = one(aws_iam_policy.attach_boundary[*].arn)
}

output "web_policies" {
  description = "Policies of the role that the web process runs as; none where Latchkey does not run."
  value       = local.identity_policies.web
}

output "workers_policies" {
  description = "Policies of the role that workers run as."
  value       = local.identity_policies.workers
}

output "account_of_the_rules" {
  description = "The account's part of latchkey.yaml, but for its external id."
  value = merge(
    { id = local.account, elevationRole = var.elevation_role, copies = var.copies },
    local.is_home ? {} : { hub = var.hub },
  )
}

output "trail_selectors" {
  description = "Advanced event selectors that a trail needs, so that S3 writes come to the feed: add them to the one you have."
  value = [
    {
      Name           = "Latchkey: management events"
      FieldSelectors = [{ Field = "eventCategory", Equals = ["Management"] }]
    },
    {
      Name = "Latchkey: writes to the listed buckets"
      FieldSelectors = [
        { Field = "eventCategory", Equals = ["Data"] },
        { Field = "resources.type", Equals = ["AWS::S3::Object"] },
        { Field = "readOnly", Equals = ["false"] },
        { Field = "resources.ARN", StartsWith = [for name in var.buckets : "arn:${local.partition}:s3:::${name}/"] },
      ]
    },
  ]
}
