# CloudTrail's way to Latchkey in the region of the provider. Every other region that has a bucket, and IAM's own (us-east-1), takes the module
# `wiring` once more, with a provider of that region. Without wire_events, `latchkey aws setup` does all of it.

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
