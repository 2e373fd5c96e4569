package azureoauth

import "strings"

// Problem is one wrong field of a registration.
type Problem struct {
	Field   string // the name of the Config field: "TokenURL"
	Label   string // the field as a settings form calls it: "Token URL"
	Message string // what is wrong; never contains a secret
	Fix     string // what to do
}

// String is "Token URL: what is wrong; what to do".
func (p Problem) String() string { return p.Label + ": " + p.Message + "; " + p.Fix }

// ConfigError lists every wrong field of a Config. It matches ErrConfiguration.
type ConfigError struct{ Problems []Problem }

// Error names all problems in one line.
func (e *ConfigError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.String()
	}
	return "azureoauth: configuration: " + strings.Join(parts, " | ")
}

// Is makes errors.Is(err, ErrConfiguration) true.
func (e *ConfigError) Is(target error) bool { return target == ErrConfiguration }

// Advice returns one line per problem, for an admin.
func (e *ConfigError) Advice() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.String()
	}
	return strings.Join(parts, "\n")
}

// For returns the problems of one field, to be shown beside it.
func (e *ConfigError) For(field string) []Problem {
	var out []Problem
	for _, p := range e.Problems {
		if p.Field == field {
			out = append(out, p)
		}
	}
	return out
}

var fieldLabels = map[string]string{
	"ClientID": "Client ID", "ClientSecret": "Client secret", "Credential": "Client credential",
	"AuthURL": "Authorization URL", "TokenURL": "Token URL", "DeviceAuthURL": "Device authorization URL",
	"Cloud": "Cloud", "TenantID": "Tenant ID", "RedirectURL": "Redirect URL", "Scopes": "Scope", "Resource": "Resource",
}

type problems []Problem

func (p *problems) add(field, message, fix string) {
	*p = append(*p, Problem{Field: field, Label: fieldLabels[field], Message: message, Fix: fix})
}

// asError is the *ConfigError of the problems, nil for none.
func (p problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	return &ConfigError{Problems: p}
}

func configProblem(field, message, fix string) error {
	var p problems
	p.add(field, message, fix)
	return p.asError()
}
