import {
  type Activity,
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
  type InvokeResponse,
  type TurnContext,
} from 'botbuilder'
import type { BotSettings } from './bot-settings.ts'
import { connectorClient, connectorSender } from './connector-client.ts'
import { connectorCredentials } from './credentials.ts'

const CONNECTOR = 'https://api.botframework.com'

/**
 * The SDK's adapter without its entry point for express, which prints every error to stderr, past our log and with
 * everything the error holds, and reports an outage of the keys as a wrong token. Here errors are thrown.
 *
 * The SDK also prints when it refuses a token's signature or time. Our own check is stricter and has refused such
 * tokens before.
 */
class HearingAdapter extends CloudAdapter {
  hear(
    authorization: string,
    activity: Activity,
    logic: (context: TurnContext) => Promise<void>,
  ): Promise<InvokeResponse | undefined> {
    return this.processActivity(authorization, activity, logic)
  }
}

/**
 * The SDK with authentication on. Every value is set here, because the SDK takes either all or none of its defaults.
 */
export function cloudAdapter(settings: BotSettings): HearingAdapter {
  const { appId, tenantId, openIdMetadataUrl, loginUrl, serviceUrls } = settings
  const credentials = connectorCredentials(settings)
  const configuration = {
    MicrosoftAppId: appId,
    MicrosoftAppTenantId: tenantId,
    ToBotFromChannelTokenIssuer: CONNECTOR,
    ToBotFromChannelOpenIdMetadataUrl: openIdMetadataUrl,
    ToBotFromEmulatorOpenIdMetadataUrl: openIdMetadataUrl,
    ToChannelFromBotLoginUrl: loginUrl,
    ToChannelFromBotOAuthScope: CONNECTOR,
    OAuthUrl: CONNECTOR,
    CallerId: '',
    ValidateAuthority: 'false',
  }
  const identity = sdkIdentity(settings)
  const factory = {
    isValidAppId: (id: string) => identity.isValidAppId(id),
    isAuthenticationDisabled: () => identity.isAuthenticationDisabled(),
    createCredentials: async () => credentials,
  }
  const httpClient = connectorClient(connectorSender(credentials, serviceUrls))
  return new HearingAdapter(
    new ConfigurationBotFrameworkAuthentication(configuration, factory, undefined, undefined, { httpClient }),
  )
}

/**
 * The SDK turns authentication off if it finds no app id. This asks it whether it did so.
 * @throws Error if it did
 */
export async function refuseWithoutAuthentication(settings: BotSettings): Promise<void> {
  if (await sdkIdentity(settings).isAuthenticationDisabled()) {
    throw new Error('The bot would believe everybody: check MicrosoftAppId and MicrosoftAppType.')
  }
}

function sdkIdentity({
  appId,
  appPassword,
  appType,
  tenantId,
}: BotSettings): ConfigurationServiceClientCredentialFactory {
  return new ConfigurationServiceClientCredentialFactory({
    MicrosoftAppId: appId,
    MicrosoftAppType: appType,
    MicrosoftAppTenantId: tenantId,
    ...(appPassword === undefined ? {} : { MicrosoftAppPassword: appPassword }),
  })
}
