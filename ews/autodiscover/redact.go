package autodiscover

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// String shows the settings but the token source, which may be a token in disguise.
func (o Options) String() string {
	return fmt.Sprintf("autodiscover.Options{Token: %t, Timeout: %v, StepTimeout: %v, MaxAge: %v, Cloud: %q, UserAgent: %q}",
		o.Token != nil, o.Timeout, o.StepTimeout, o.MaxAge, o.Cloud, o.UserAgent)
}

// Format writes String whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalJSON writes String.
func (o Options) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }
