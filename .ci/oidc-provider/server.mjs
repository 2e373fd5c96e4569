// A certified OpenID provider on loopback for the tests of azureoauth. It signs one account in by itself. The first line it
// prints is JSON with its issuer; it ends when its standard input does.
//
//   node server.mjs '{"jwk": <public key of the private_key_jwt client>, "redirect": "https://..."}'
import http from 'node:http';
import Provider from 'oidc-provider';

const { jwk, redirect } = JSON.parse(process.argv[2]);
const account = 'helpdesk@contoso.example';
const device = 'urn:ietf:params:oauth:grant-type:device_code';

const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const grants = { grant_types: ['authorization_code', 'refresh_token', device, 'client_credentials'], redirect_uris: [redirect], response_types: ['code'] };
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'helpdesk', client_secret: 'secret-of-the-helpdesk', token_endpoint_auth_method: 'client_secret_post', ...grants },
    { client_id: 'helpdesk-certificate', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256', jwks: { keys: [jwk] }, ...grants },
  ],
  scopes: ['openid', 'offline_access', 'EWS.AccessAsUser.All'],
  pkce: { required: () => true, methods: ['S256'] },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
  claims: { openid: ['sub', 'preferred_username'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ['not a secret: the server lives for one test'] },
});

const answer = provider.callback();
server.on('request', async (req, res) => {
  if (!req.url.startsWith('/interaction/')) {
    answer(req, res);
    return;
  }
  try {
    const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
    let result = { login: { accountId: account } };
    if (prompt.name === 'consent') {
      const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      result = { consent: { grantId: await grant.save() } };
    }
    await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
  } catch (err) {
    res.statusCode = 500;
    res.end(String(err));
  }
});

console.log(JSON.stringify({ issuer }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
