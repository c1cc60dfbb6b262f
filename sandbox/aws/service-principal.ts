import { type Context, evaluate } from './evaluator.ts'
import { type PolicyDocument, parsePolicy } from './policy.ts'

/** True when a resource's policy allows an AWS service, named under `Service` and compared like any principal. */
export function allowsService(
  policy: string,
  service: string,
  request: { readonly action: string; readonly resource: string; readonly context: Context },
): boolean {
  const asPrincipal: PolicyDocument = {
    ...parsePolicy(policy),
    statements: parsePolicy(policy).statements.map((statement) => ({
      ...statement,
      principals: { AWS: statement.principals?.Service ?? [] },
    })),
  }
  const principal = { arn: service, account: service, roleArn: undefined }
  return evaluate({
    identityPolicies: [],
    resourcePolicy: asPrincipal,
    resourcePolicyRequired: true,
    principal,
    request,
  }).allowed
}
