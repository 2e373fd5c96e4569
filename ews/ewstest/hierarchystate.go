package ewstest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"sort"
	"strings"
)

// signature changes whenever the folder itself does: its name, place or class, not what is in it.
func (f *folder) signature() string {
	return fmt.Sprintf("%08x", hash32(f.parent.id+"\x00"+f.name+"\x00"+f.class))
}

func makeHierarchyState(known map[string]string) string {
	lines := make([]string, 0, len(known))
	for id, sig := range known {
		lines = append(lines, id+" "+sig)
	}
	sort.Strings(lines)
	var b bytes.Buffer
	b.WriteString("HIER")
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	_, _ = io.WriteString(z, strings.Join(lines, "\n"))
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// maxHierarchyState bounds what a state may unpack to: it comes from the client.
const maxHierarchyState = 16 << 20

func parseHierarchyState(s string) (map[string]string, *opError) {
	known := map[string]string{}
	if s == "" {
		return known, nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || !bytes.HasPrefix(b, []byte("HIER")) {
		return nil, fail("ErrorInvalidSyncStateData")
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[4:])), maxHierarchyState))
	if err != nil {
		return nil, fail("ErrorInvalidSyncStateData")
	}
	for line := range strings.Lines(string(text)) {
		if id, sig, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			known[id] = sig
		}
	}
	return known, nil
}
