import type { Command } from 'commander'
import type { ProfileOptions } from './profile.ts'
import type { How, Review } from './request-commands.ts'

/**
 * The commands of a person. They only call LATCHKEY_URL over HTTPS. Each command imports its modules when it runs, to
 * start fast.
 */

const signingIn = () => import('./sign-in-commands.ts')
const requests = () => import('./request-commands.ts')
const grants = () => import('./grant-commands.ts')

function signInCommands(program: Command): void {
  program
    .command('login')
    .description('sign in with Entra')
    .option('--no-browser', 'print the link instead of opening it')
    .action(async (options: { readonly browser: boolean }) => (await signingIn()).login(options))
  program
    .command('logout')
    .description('forget the sign-in on this machine')
    .action(async () => (await signingIn()).logout())
}

function requestCommands(program: Command): void {
  program
    .command('request <level> <scopes...>')
    .description('ask for access, as: request write s3://finance-reports/2026/ --for 45m --because "month-end fix"')
    .option('--for <duration>', 'as 45m, 8h or 2d')
    .requiredOption('--because <reason>', 'what the approver reads')
    .option('--ticket <number>')
    .action(async (level: string, scopes: readonly string[], how: How) =>
      (await requests()).request(level, scopes, how),
    )
  program
    .command('extend <grantId>')
    .description('ask for a live grant to go on; somebody says yes anew')
    .option('--for <duration>', 'counted from the yes, as 45m, 8h or 2d')
    .requiredOption('--because <reason>', 'what the approver reads')
    .option('--ticket <number>')
    .action(async (grantId: string, how: How) => (await requests()).extend(grantId, how))
  program
    .command('requests')
    .description('your requests')
    .option('--to-review', 'those you were asked to review')
    .action(async (options: { readonly toReview?: true }) => (await requests()).listRequests(options))
  program
    .command('cancel <requestId>')
    .description('take a request back')
    .action(async (id: string) => (await requests()).cancel(id))
  for (const decision of ['approve', 'deny'] as const) {
    program
      .command(`${decision} <requestId>`)
      .description(`${decision} a request: shows what it would allow and what not, and asks before it is decided`)
      .option('--comment <text>', 'what the requester reads', '')
      .option('--yes', 'do not ask; without a terminal nothing is decided unless this is given')
      .action(async (id: string, options: Review) => (await requests()).review(id, decision, options))
  }
}

function useCommands(program: Command): void {
  program
    .command('profile [grantId]')
    .description(
      'write a profile for the AWS CLI and SDKs, which they get credentials by as long as the grant lasts; without a grant: take away those of grants that are over, and list the others',
    )
    .option('--name <profile>', 'default: latchkey-<grantId>')
    .option('--region <region>', 'default: the region of the bucket')
    .option('--remove', 'take the profile of this grant away')
    .action(async (id: string | undefined, options: ProfileOptions) =>
      (await import('./profile.ts')).profile(id, options),
    )
  program
    .command('env <grantId>')
    .description('print the credentials once as environment variables: eval "$(latchkey env <grantId>)"')
    .option('--powershell', 'for PowerShell: latchkey env <grantId> --powershell | Invoke-Expression')
    .action(async (id: string, options: { readonly powershell?: true }) =>
      (await grants()).printEnvironment(id, options),
    )
  program
    .command('console <grantId>')
    .description("open AWS's console in the browser, signed in with the grant")
    .option('--print', 'print the link instead; it is a secret')
    .action(async (id: string, options: { readonly print?: true }) => (await grants()).openConsole(id, options))
  program
    .command('link <grantId>')
    .description('print a link to the one object of a grant, for fifteen minutes at most; it is a secret')
    .option('--put', 'to upload it, as with curl --upload-file; without this, to download it')
    .action(async (id: string, options: { readonly put?: true }) => (await grants()).printLink(id, options))
}

function grantCommands(program: Command): void {
  program
    .command('grants [grantId]')
    .description('your grants, the newest first; or that one, which may also be one that you approved')
    .action(async (id: string | undefined) => (await grants()).showGrants(id))
  program
    .command('done <grantId>')
    .description('end a grant now, and take its profile away')
    .action(async (id: string) => (await grants()).done(id))
  program
    .command('credentials <grantId>')
    .description('for `credential_process` in ~/.aws/config: prints the credentials of an active grant as JSON')
    .action(async (id: string) => (await grants()).printCredentials(id))
  useCommands(program)
}

export function personCommands(program: Command): void {
  signInCommands(program)
  requestCommands(program)
  grantCommands(program)
}
