import { type Command, Option } from 'commander'
import type { AwsOptions } from './aws.ts'
import type { RecoverOptions } from './recover.ts'

/**
 * The commands of an operator. They run on the server's side, with the environment and rules of the service and an
 * administrator's own AWS credentials. Each command imports its modules when it runs, so that a person's `latchkey
 * credentials` stays fast.
 */
export function operatorCommands(program: Command): void {
  program
    .command('check-config')
    .description('operator: read environment and rules as the service does, and name every fault')
    .action(async () => (await import('./check-config.ts')).checkConfig(process.env))
  program
    .command('doctor')
    .description('operator: is everything in order that Latchkey stands on? Writes nothing')
    .option('--json', 'for programs')
    .action(async (options: { readonly json?: true }) => (await import('./doctor.ts')).doctor(options))
  program
    .command('recover')
    .description('operator: after Redis was put back from a copy, trust nothing that was granted before')
    .option('--yes', 'do not ask')
    .option('--wait <seconds>', 'how long to wait for the workers', '180')
    .action(async (options: RecoverOptions) => (await import('./recover.ts')).recover(options))
  awsCommands(program)
}

function awsCommands(program: Command): void {
  const aws = program
    .command('aws')
    .description("operator: the way of CloudTrail's records to Latchkey, in the AWS account that you are signed in to")
  const plan = () => new Option('--plan', 'only show what would be done')
  const yes = () => new Option('--yes', 'do not ask')
  aws
    .command('setup')
    .description('make or mend it, and send an event through it')
    .addOption(plan())
    .addOption(yes())
    .option('--rotate', 'give AWS the first of two keys in CLOUDTRAIL_KEYS')
    .option('--no-self-test', 'send no event through it (needs no Redis then)')
    .action(async (options: AwsOptions) => (await import('./aws.ts')).setup(options))
  aws
    .command('check')
    .description('compare it with what setup makes; ends with 1 where something differs')
    .action(async () => (await import('./aws.ts')).check())
  aws
    .command('teardown')
    .description('take it down')
    .addOption(plan())
    .addOption(yes())
    .action(async (options: AwsOptions) => (await import('./aws.ts')).teardown(options))
}
