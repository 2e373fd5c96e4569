package azuretest

import (
	"math/big"
	"net/http"
	"net/url"
)

// metadata is OpenID Connect Discovery, with the members that Entra has.
func (s *Server) metadata(w http.ResponseWriter) {
	b := s.base()
	m := map[string]any{
		"issuer": s.IssuerURL(), "authorization_endpoint": b + "authorize", "token_endpoint": b + "token", "device_authorization_endpoint": b + "devicecode", "jwks_uri": b + "keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"}, "response_types_supported": []string{"code"},
		"scopes_supported": []string{"openid", "profile", "email", "offline_access"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"tenant_region_scope":                   "EU", "cloud_instance_name": "microsoftonline.com",
	}
	if s.o.Issuer {
		m["authorization_response_iss_parameter_supported"] = true
	}
	writeJSON(w, m)
}

func (s *Server) jwks(w http.ResponseWriter) {
	k := signingKey().PublicKey
	writeJSON(w, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID(), "x5t": keyID(),
		"n": b64.EncodeToString(k.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
	}}})
}

// adminConsent answers as the admin consent endpoint does once an administrator has accepted.
func (s *Server) adminConsent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a := s.app(q.Get("client_id"))
	if a == nil || !registered(a, q.Get("redirect_uri")) {
		s.page(w, failure(50011, ""))
		return
	}
	s.respond(w, r, q, url.Values{"admin_consent": {"True"}, "tenant": {s.o.TenantID}, "scope": {q.Get("scope")}})
}
