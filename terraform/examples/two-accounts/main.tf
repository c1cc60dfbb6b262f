# Latchkey runs in one account and also serves another one. The external id is a random text, a different one for each
# account: `openssl rand -hex 24`.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

variable "external_id" {
  type = string
}

provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias   = "data"
  region  = "eu-central-1"
  profile = "data"
}

module "latchkey" {
  source = "../.."

  buckets  = ["finance-reports"]
  accounts = [{ id = "444455556666", elevation_role = "latchkey/data" }]

  identity_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

module "latchkey_data" {
  source    = "../.."
  providers = { aws = aws.data }

  elevation_role = "latchkey/data"
  buckets        = ["data-lake"]
  home_account   = "111122223333"
  external_id    = var.external_id
}

output "latchkey_data" {
  value = module.latchkey_data
}
