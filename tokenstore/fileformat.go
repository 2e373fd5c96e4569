package tokenstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A record's file: a readable header, then the data.
//
//	tokenstore-file 1
//	key <base64url of the key>
//	version <text>
//	sha256 <hex, over the two lines above and the data>
//
//	<data>
//
// The checksum finds accidental damage; only encryption finds intent.

// maxFile bounds what is read; the header takes less than 1 KiB.
const maxFile = MaxData + 2048

var fileMagic = []byte("tokenstore-file 1\n")

func encodeFile(key string, r Record) []byte {
	head := fileHead(key, r.Version)
	sum := fileSum(head, r.Data)
	var b bytes.Buffer
	b.Grow(len(fileMagic) + len(head) + len(r.Data) + 80)
	b.Write(fileMagic)
	b.WriteString(head)
	fmt.Fprintf(&b, "sha256 %s\n\n", sum)
	b.Write(r.Data)
	return b.Bytes()
}

func fileHead(key, version string) string {
	return "key " + base64.RawURLEncoding.EncodeToString([]byte(key)) + "\nversion " + version + "\n"
}

func fileSum(head string, data []byte) string {
	h := sha256.New()
	h.Write([]byte(head))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func decodeFile(raw []byte) (key string, r Record, err error) {
	if len(raw) > maxFile {
		return "", r, errors.New("larger than any record")
	}
	rest, ok := bytes.CutPrefix(raw, fileMagic)
	if !ok {
		return "", r, errors.New("not a token file of format 1")
	}
	head, data, ok := bytes.Cut(rest, []byte("\n\n"))
	if !ok {
		return "", r, errors.New("the header has no end")
	}
	lines := strings.Split(string(head), "\n")
	if len(lines) != 3 {
		return "", r, fmt.Errorf("the header has %d lines instead of 3", len(lines))
	}
	field := func(i int, name string) string {
		v, found := strings.CutPrefix(lines[i], name+" ")
		ok = ok && found && v != ""
		return v
	}
	key64, version, sum := field(0, "key"), field(1, "version"), field(2, "sha256")
	keyBytes, err := base64.RawURLEncoding.Strict().DecodeString(key64)
	if !ok || err != nil || CheckKey(string(keyBytes)) != nil {
		return "", r, errors.New("the header cannot be read")
	}
	key = string(keyBytes)
	if fileSum(fileHead(key, version), data) != sum {
		return "", r, errors.New("the checksum does not match")
	}
	return key, Record{Data: data, Version: version}, nil
}

const (
	plainFileChars = "abcdefghijklmnopqrstuvwxyz0123456789-_@." // upper case is escaped: some file systems fold it
	maxFileName    = 180                                        // leaves room for suffixes below the usual 255
	hashedPrefix   = "h-"
)

// fileName turns a key of any bytes into a file name that every file system keeps apart from all others: "k-" (so that no
// name is reserved, hidden, or ends in a dot that Windows drops) and the key with %xx escapes, or for long keys "h-" and a hash.
func fileName(key string) string {
	var b strings.Builder
	b.WriteString("k-")
	for i := range len(key) {
		if c := key[i]; strings.IndexByte(plainFileChars, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() <= maxFileName {
		return b.String()
	}
	sum := sha256.Sum256([]byte(key))
	return hashedPrefix + hex.EncodeToString(sum[:])
}

// fileKey is the inverse of fileName, except for hashed names.
func fileKey(name string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(name, "k-")
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		if rest[i] != '%' {
			b.WriteByte(rest[i])
			continue
		}
		if i+2 >= len(rest) {
			return "", false
		}
		c, err := hex.DecodeString(rest[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.Write(c)
		i += 2
	}
	key = b.String()
	return key, key != "" && fileName(key) == name
}
