package ews

import "encoding/base64"

// firstReplica reads PidTagReplicaList: the GUIDs of mailboxes in text, each ended by a zero byte; the first is the one to ask.
func firstReplica(list string) (guid string, ok bool) {
	b, err := base64.StdEncoding.DecodeString(list)
	const length = len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
	if err != nil || len(b) < length || len(b) > length && b[length] != 0 {
		return "", false
	}
	for i, c := range b[:length] {
		switch hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case !hex:
			return "", false
		}
	}
	return string(b[:length]), true
}
