variable "public_url" {
  description = "PUBLIC_URL of Latchkey, without a slash at its end."
  type        = string
  validation {
    condition     = can(regex("^https?://[^/]+(/.*[^/])?$", var.public_url))
    error_message = "A URL as https://latchkey.example.com, without a slash at its end."
  }
}

variable "key" {
  description = "The first of CLOUDTRAIL_KEYS for this account. Terraform keeps it in its state, so keep that state secret; `latchkey aws setup` keeps it nowhere."
  type        = string
  sensitive   = true
  validation {
    condition     = try(length(var.key) >= 32, false)
    error_message = "A key has 32 characters or more, as `openssl rand -hex 32` makes it."
  }
}

variable "buckets" {
  description = "Buckets of the rules in this region; none where only IAM's region is meant."
  type        = list(string)
}

variable "elevation_roles" {
  description = "ARNs of the account's elevation roles, copies included, in the order of their numbers."
  type        = list(string)
}

variable "identities" {
  description = "ARNs of the roles that web and workers run as."
  type        = list(string)
}

variable "make_invoke_role" {
  description = "The role as which EventBridge calls Latchkey is one for all regions: make it in one of them."
  type        = bool
  default     = false
}

variable "tags" {
  type    = map(string)
  default = {}
}
