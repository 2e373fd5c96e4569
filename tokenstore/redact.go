package tokenstore

import "encoding/json"

// redactedJSON is what secrets marshal to: a text, so that a dump stays readable and decoding it back fails loudly.
func redactedJSON(s string) ([]byte, error) { return json.Marshal(s) }
