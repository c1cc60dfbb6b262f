# The wiring for CloudTrail records in the provider's region. Every other region that has a bucket, and the region of
# IAM (us-east-1), needs the module `wiring` again with a provider of that region. Without wire_events, use
# `latchkey aws setup` instead.

module "wiring" {
  count  = var.wire_events == null ? 0 : 1
  source = "./wiring"

  public_url       = var.wire_events.public_url
  key              = var.wire_events_key
  buckets          = var.wire_events.buckets
  elevation_roles  = [for name in local.copies : "${local.iam}:role/${name}"]
  identities       = local.names.identities
  make_invoke_role = true
  tags             = var.tags
}
