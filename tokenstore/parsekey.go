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
//   - anything else: a passphrase, see [PassphraseKey]
//
// A prefix decides where the guess is not wanted: "hex:", "base64:", "file:", "pass:". What looks like a path (it
// starts with "/", "./", "../", "~/" or a drive letter) but names no file is an error, not a passphrase: a mistyped path would
// otherwise quietly become a second key. Errors never quote the text.
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
	if looksLikePath(text) {
		return nil, errors.New(`tokenstore: the encryption key looks like a path, but no such file is there; if it is a passphrase write "pass:" before it`)
	}
	return PassphraseKey(text)
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

func looksLikePath(s string) bool {
	for _, p := range []string{"/", "./", "../", "~/", `\\`, `.\`, `..\`} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
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
