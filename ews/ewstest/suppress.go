package ewstest

import "strings"

// autoResponseSuppress is PidTagAutoResponseSuppress as Exchange makes it of the X-Auto-Response-Suppress field on delivery
// ([MS-OXCMAIL] section 2.2.3.2.14).
func autoResponseSuppress(v *view) value {
	bits := int64(0)
	for k := range strings.SplitSeq(v.c.internetHeaders().get("X-Auto-Response-Suppress"), ",") {
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "all":
			bits = -1
		case "dr":
			bits |= 1
		case "ndr":
			bits |= 2
		case "rn":
			bits |= 4
		case "nrn":
			bits |= 8
		case "oof":
			bits |= 0x10
		case "autoreply":
			bits |= 0x20
		}
	}
	if bits == 0 {
		return value{}
	}
	return value{kind: kindInt, n: bits}
}
