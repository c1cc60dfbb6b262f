variable "elevation_role" {
  description = "Path and name of the elevation role, as `elevationRole` of the account in the rules."
  type        = string
  default     = "latchkey/prod"
  validation {
    condition     = can(regex("^latchkey/[\\w+=,.@-]{1,61}$", var.elevation_role))
    error_message = "The elevation role lies in the path latchkey/, as latchkey/prod; three characters are left for the number of a copy."
  }
}

variable "copies" {
  description = "How many elevation roles there are: the first and its numbered copies, as `copies` in the rules. Each holds 150 grants."
  type        = number
  default     = 1
  validation {
    condition     = var.copies >= 1 && var.copies <= 20 && floor(var.copies) == var.copies
    error_message = "There are 1 to 20 copies."
  }
}

variable "max_session_seconds" {
  description = "Longest session of an elevation role. Latchkey asks for an hour at most and vends again."
  type        = number
  default     = 3600
}

variable "buckets" {
  description = "Names of the buckets of this account that the rules list. Nothing of Latchkey reaches another one."
  type        = list(string)
  validation {
    condition     = length(var.buckets) > 0 && alltrue([for one in var.buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", one))])
    error_message = "Name at least one bucket, each by its name alone, without wildcards."
  }
}

variable "kms_keys" {
  description = "ARNs of the customer's own keys that objects of these buckets are encrypted with."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.kms_keys : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[\\w-]+$", one))])
    error_message = "A key is named by the ARN of the key, not of an alias, without wildcards."
  }
}

variable "home_account" {
  description = "Account that Latchkey runs in, twelve digits. Absent: this one."
  type        = string
  default     = null
  validation {
    condition     = var.home_account == null || can(regex("^\\d{12}$", var.home_account))
    error_message = "An account is twelve digits."
  }
}

variable "external_id" {
  description = "Of an account that Latchkey does not run in: a random text of its own, as `hub.externalId` in the rules."
  type        = string
  default     = null
  validation {
    condition     = var.external_id == null || try(can(regex("^[\\w+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 16, false)
    error_message = "An external id has 16 characters or more of [A-Za-z0-9_+=,.@:/-]."
  }
}

variable "hub" {
  description = "Of an account that Latchkey does not run in: path and name of the roles by which its workers and its web process read (and workers write) IAM there."
  type = object({
    role   = optional(string, "latchkey/hub")
    reader = optional(string, "latchkey/hub-reader")
  })
  default = {}
  validation {
    condition     = alltrue([for one in [var.hub.role, var.hub.reader] : can(regex("^latchkey/[\\w+=,.@-]{1,64}$", one))])
    error_message = "Both hub roles lie in the path latchkey/."
  }
}

variable "web_role" {
  description = "Path and name of the role that the web process runs as, where Latchkey runs; outside the path latchkey/."
  type        = string
  default     = "latchkey-web"
  validation {
    condition     = can(regex("^([\\w+=,.@-]+/)*[\\w+=,.@-]{1,64}$", var.web_role))
    error_message = "The role of the web process is one role, by path and name, without wildcards."
  }
}

variable "workers_role" {
  description = "Path and name of the role that workers run as."
  type        = string
  default     = "latchkey-workers"
  validation {
    condition     = can(regex("^([\\w+=,.@-]+/)*[\\w+=,.@-]{1,64}$", var.workers_role))
    error_message = "The role of the workers is one role, by path and name, without wildcards."
  }
}

variable "identity_trust" {
  description = "Trust policy (JSON) of both roles: what runs the processes, as ECS tasks. Absent: the roles are there already, and you attach web_policies and workers_policies to them."
  type        = string
  default     = null
}

variable "accounts" {
  description = "Only where Latchkey runs: the other accounts that it serves."
  type = list(object({
    id             = string
    elevation_role = optional(string, "latchkey/prod")
    copies         = optional(number, 1)
    hub = optional(object({
      role   = optional(string, "latchkey/hub")
      reader = optional(string, "latchkey/hub-reader")
    }), {})
  }))
  default = []
  validation {
    condition = alltrue(flatten([for one in var.accounts : [
      can(regex("^\\d{12}$", one.id)),
      can(regex("^latchkey/[\\w+=,.@-]{1,61}$", one.elevation_role)),
      one.copies >= 1 && one.copies <= 20 && floor(one.copies) == one.copies,
      [for name in [one.hub.role, one.hub.reader] : can(regex("^latchkey/[\\w+=,.@-]{1,64}$", name))],
    ]]))
    error_message = "Each account is named by twelve digits, and has 1 to 20 copies; its elevation and hub roles are named below latchkey/, without wildcards."
  }
}

variable "attach_roles" {
  description = "Path and name of roles that hold grants of the driver `attach`. Set attach_boundary as their permissions boundary: Latchkey writes to none without it."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.attach_roles : can(regex("^([\\w+=,.@-]+/)*[\\w+=,.@-]{1,64}$", one))])
    error_message = "Each role that holds grants is named by its own path and name; a wildcard would let Latchkey write to others."
  }
}

variable "attach_users" {
  description = "The same for users."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.attach_users : can(regex("^([\\w+=,.@-]+/)*[\\w+=,.@-]{1,64}$", one))])
    error_message = "Each user who holds grants is named by its own path and name; a wildcard would let Latchkey write to others."
  }
}

variable "wire_events" {
  description = "Brings CloudTrail's records of the provider's region to Latchkey: its PUBLIC_URL, and the buckets of that region. Absent: `latchkey aws setup` does it."
  type = object({
    public_url = string
    buckets    = list(string)
  })
  default = null
}

variable "wire_events_key" {
  description = "The first of CLOUDTRAIL_KEYS for this account. It lies in Terraform's state."
  type        = string
  default     = null
  sensitive   = true
  validation {
    condition     = var.wire_events_key == null || try(length(var.wire_events_key) >= 32, false)
    error_message = "A key has 32 characters or more, as `openssl rand -hex 32` makes it."
  }
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
