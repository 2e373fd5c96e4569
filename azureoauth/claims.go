package azureoauth

import (
	"encoding/json"
	"errors"
	"fmt"
)

// capability declares that this client handles claims challenges (Entra "client capabilities", CP1).
const capability = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`

// claims merges the claims of a challenge with the CAE capability, as the claims parameter wants them; "" for neither.
func (c *Config) claims(challenge string) (string, error) {
	if challenge == "" {
		if c.EnableCAE {
			return capability, nil
		}
		return "", nil
	}
	if len(challenge) > maxClaims || !validClaims(challenge) {
		return "", fmt.Errorf("azureoauth: claims: not a JSON object of at most %d bytes", maxClaims)
	}
	if !c.EnableCAE {
		return challenge, nil
	}
	var all map[string]map[string]json.RawMessage
	if json.Unmarshal([]byte(challenge), &all) != nil {
		return "", errors.New("azureoauth: claims: not of the form {\"access_token\":{...}}")
	}
	at := all["access_token"]
	if at == nil {
		at = map[string]json.RawMessage{}
	}
	at["xms_cc"] = json.RawMessage(`{"values":["cp1"]}`)
	all["access_token"] = at
	b, err := json.Marshal(all)
	return string(b), err
}
