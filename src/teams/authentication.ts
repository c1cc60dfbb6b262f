import {
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
} from 'botbuilder'
import { connectorClient } from './connector-client.ts'
import { connectorCredentials } from './credentials.ts'
import type { BotSettings } from './settings.ts'

const CONNECTOR = 'https://api.botframework.com'

/** The SDK with authentication on. Of what is not set here it would take all or nothing from its defaults. */
export function cloudAdapter(settings: BotSettings): CloudAdapter {
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
  const httpClient = connectorClient(credentials, serviceUrls)
  return new CloudAdapter(
    new ConfigurationBotFrameworkAuthentication(configuration, factory, undefined, undefined, { httpClient }),
  )
}

/** The SDK believes everybody where it finds no app id: it is asked, not trusted to have understood. */
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
