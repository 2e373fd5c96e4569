package tokenstore

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ParseKey makes a key from what a user types into a setting:
//
//   - 64 hexadecimal digits, or base64 (standard or URL alphabet) of 32 bytes: the key itself
//   - the path of an existing file: see [KeyFile]
//   - anything else of 6 characters or more: a passphrase, see [PassphraseKey]
//
// What is a damaged form of the first two is an error, not a passphrase, because a mistyped path or a key that lost a
// character would otherwise quietly become a second key: what looks like a path or file name (a separator, a file
// extension) but names no file, and hex or base64 of another length. A prefix ends the guessing: "pass:" is always a
// passphrase, "file:" always a file, "hex:" and "base64:" always a key. Errors never quote the text.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("tokenstore: the encryption key is empty; give 32 bytes as hex (openssl rand -hex 32), a key file, or a passphrase")
	}
	if scheme, rest, ok := strings.Cut(text, ":"); ok {
		switch scheme {
		case "hex":
			return rawKey(rest, "hex", hexKey)
		case "base64":
			return rawKey(rest, "base64", base64Key)
		case "file":
			return KeyFile(rest)
		case "pass":
			return PassphraseKey(rest)
		}
	}
	if b, ok := hexKey(text); ok {
		return NewKey("", b)
	}
	if b, ok := base64Key(text); ok {
		return NewKey("", b)
	}
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return KeyFile(text)
	}
	if wrong := noPassphrase(text); wrong != "" {
		return nil, fmt.Errorf(`tokenstore: the encryption key %s; if it is a passphrase write "pass:" before it`, wrong)
	}
	return PassphraseKey(text)
}

// minPassphrase is in bytes. What is shorter is a slip of the hand more often than a choice.
const minPassphrase = 6

// noPassphrase says what text seems to have been meant as, other than a passphrase, or "".
func noPassphrase(text string) string {
	switch {
	case len(text) >= KeySize && strings.Trim(text, "0123456789abcdefABCDEF") == "":
		return fmt.Sprintf("is %d hexadecimal digits where a key has %d: copy it again", len(text), 2*KeySize)
	case looksLikeBase64Key(text):
		return fmt.Sprintf("looks like base64, but is not that of %d bytes: copy it again", KeySize)
	case looksLikePath(text):
		return "looks like the name of a file, but no such file is there: check the path"
	case len(text) < minPassphrase:
		return fmt.Sprintf("is too short: give 32 bytes as hex (openssl rand -hex 32), a key file, or a passphrase of %d characters or more", minPassphrase)
	}
	return ""
}

func rawKey(text, encoding string, decode func(string) ([]byte, bool)) (*Key, error) {
	b, ok := decode(strings.TrimSpace(text))
	if !ok {
		return nil, fmt.Errorf("tokenstore: the encryption key is not %s of %d bytes", encoding, KeySize)
	}
	return NewKey("", b)
}

func hexKey(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) == KeySize
}

func base64Key(s string) ([]byte, bool) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == KeySize
}

// looksLikeBase64Key tells a key that lost or gained a character, or its padding's end: 43 characters, of all kinds mixed,
// and one of padding. Padding on anything shorter is a key of the wrong size.
func looksLikeBase64Key(s string) bool {
	body := strings.TrimRight(s, "=")
	var lower, upper, digit bool
	for _, c := range body {
		switch {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			upper = true
		case '0' <= c && c <= '9':
			digit = true
		case !strings.ContainsRune("+/-_", c):
			return false
		}
	}
	if padding := len(s) - len(body); padding > 0 {
		return padding <= 2 && len(body) >= 16
	}
	return lower && upper && digit && len(s) >= 41 && len(s) <= 46
}

// looksLikePath goes by how a path begins, by separators where no blanks speak for a sentence, and by a file extension.
func looksLikePath(s string) bool {
	for _, p := range []string{"/", "./", "../", "~/", `\\`, `.\`, `..\`} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	if len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/') {
		return true
	}
	if strings.ContainsAny(s, `/\`) && !strings.ContainsAny(s, " \t") {
		return true
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	dot := strings.LastIndexByte(s, '.')
	ext := s[dot+1:]
	return dot > 0 && s[dot-1] != ' ' && len(ext) <= 6 && strings.ContainsAny(ext, letters) && strings.Trim(ext, letters+"0123456789") == ""
}

// KeyFile reads a key from a file that holds 64 hexadecimal digits, base64 of 32 bytes, or 32 raw bytes. Blanks
// around text are ignored. A file that others than its owner can read is refused with [ErrUnsafeFile], as ssh does;
// symbolic links are followed, since secret mounts consist of them.
func KeyFile(path string) (*Key, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, keyFileError(err)
	}
	root, err := os.OpenRoot(filepath.Dir(real))
	if err != nil {
		return nil, keyFileError(err)
	}
	defer root.Close()
	f, err := openPrivate(root, filepath.Dir(real), filepath.Base(real))
	if err != nil {
		return nil, keyFileError(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, keyFileError(err)
	}
	text := string(bytes.TrimSpace(raw))
	if b, ok := hexKey(text); ok {
		return NewKey("", b)
	}
	if b, ok := base64Key(text); ok {
		return NewKey("", b)
	}
	if len(raw) == KeySize {
		return NewKey("", raw)
	}
	return nil, fmt.Errorf("tokenstore: key file %s: it holds neither 64 hex digits, nor base64 of 32 bytes, nor 32 raw bytes", path)
}

func keyFileError(err error) error {
	if errors.Is(err, ErrUnsafeFile) {
		return err
	}
	return fmt.Errorf("tokenstore: key file: %w", err)
}
