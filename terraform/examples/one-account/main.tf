# Latchkey runs in the account whose buckets it gives access to, as two ECS tasks.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

module "latchkey" {
  source = "../.."

  elevation_role = "latchkey/prod"
  copies         = 2
  buckets        = ["finance-reports"]
  kms_keys       = ["arn:aws:kms:eu-west-1:111122223333:key/0b6f2a34-7d0e-4f7c-9a55-1c1f0f9d2a10"]
  attach_roles   = ["data/analyst"]
  attach_users   = ["batch"]

  wire_events     = { public_url = "https://latchkey.example.com", buckets = ["finance-reports"] }
  wire_events_key = var.cloudtrail_key

  identity_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

variable "cloudtrail_key" {
  description = "32 random bytes, as in CLOUDTRAIL_KEYS."
  type        = string
  sensitive   = true
}

# CloudTrail records of changed policies appear only in the region of IAM.
provider "aws" {
  alias  = "of_iam"
  region = "us-east-1"
}

module "wiring_of_iam" {
  source    = "../../wiring"
  providers = { aws = aws.of_iam }

  public_url      = "https://latchkey.example.com"
  key             = var.cloudtrail_key
  buckets         = []
  elevation_roles = module.latchkey.elevation_roles
  identities      = module.latchkey.identities
}

output "latchkey" {
  value = module.latchkey
}
