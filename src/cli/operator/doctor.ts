import { awsFindings } from './doctor-aws.ts'
import { microsoftFindings } from './doctor-microsoft.ts'
import { recordFindings } from './doctor-record.ts'
import { setupOfService } from './environment.ts'
import { type Finding, printFindings } from './finding.ts'
import { print } from './print.ts'

/**
 * Checks everything that Latchkey depends on: Redis, Microsoft and AWS. Writes nothing. Exit status 1 when something is
 * wrong.
 */
export async function doctor({ json = false }: { readonly json?: boolean }): Promise<void> {
  const service = setupOfService()
  if (!json) process.stderr.write('Looking at the record, at Microsoft and at AWS …\n')
  const byArea = await Promise.all([recordFindings(service), microsoftFindings(service), awsFindings(service)])
  const findings = byArea.flat()
  if (json) print(JSON.stringify(findings))
  else printAll(findings)
  if (findings.some(({ state }) => state === 'wrong')) process.exitCode = 1
}

function printAll(findings: readonly Finding[]): void {
  printFindings(findings)
  const count = (state: Finding['state']) => findings.filter((one) => one.state === state).length
  print(
    `\n${count('ok')} in order, ${count('wrong')} wrong, ${count('note')} to know, ${count('unknown')} could not be looked at.`,
  )
}
