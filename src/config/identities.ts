import { type ConfigFault, type Environment, expected } from './faults.ts'

/** Checks the environment variables that name identities: some are needed together, and some must differ. */

/** Registrations that must differ, so that a token for one of them is not valid for another. */
const REGISTRATIONS = ['ENTRA_CLIENT_ID', 'ENTRA_CLI_CLIENT_ID', 'MicrosoftAppId']

function registrationFaults(env: Environment): readonly ConfigFault[] {
  const owners = new Map<string, string>()
  return REGISTRATIONS.flatMap((name) => {
    const id = env[name]?.toLowerCase()
    const owner = id === undefined ? undefined : owners.get(id)
    if (id !== undefined) owners.set(id, name)
    return owner === undefined ? [] : [expected(name, `a registration of its own: it is the same as ${owner}`)]
  })
}

function passwordFaults({
  MicrosoftAppType: type,
  MicrosoftAppPassword: password,
}: Environment): readonly ConfigFault[] {
  if (type === 'UserAssignedMSI') {
    return password === undefined ? [] : [expected('MicrosoftAppPassword', 'nothing: a managed identity has none')]
  }
  return password === undefined ? [expected('MicrosoftAppPassword', "the client secret of the bot's registration")] : []
}

function awsFaults(env: Environment): readonly ConfigFault[] {
  if (env.AWS_ACCESS_KEY_ID === undefined || env.AWS_SECRET_ACCESS_KEY !== undefined) return []
  const form = 'the secret of AWS_ACCESS_KEY_ID (of one part: WEB_AWS_SECRET_ACCESS_KEY, WORKERS_AWS_SECRET_ACCESS_KEY)'
  return [expected('AWS_SECRET_ACCESS_KEY', form)]
}

export function identityFaults(env: Environment): readonly ConfigFault[] {
  return [...registrationFaults(env), ...passwordFaults(env), ...awsFaults(env)]
}
