package wire_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// TestBase64References: letters, padding and line ends may be written as references (XML 1.0 section 4.1), wherever they fall.
func TestBase64References(t *testing.T) {
	for n := range 70 {
		data := bytes.Repeat([]byte{0xFB, 7, 0xFF}, n)[:n]
		plain := base64.StdEncoding.EncodeToString(data)
		for at := range plain {
			for _, form := range []string{"&#%d;", "&#x%x;", "&#xD;&#10;&#x%X;&#9;"} {
				text := "<a>" + plain[:at] + fmt.Sprintf(form, plain[at]) + plain[at+1:] + "</a>"
				for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
					s := wire.NewScanner(in, nil)
					s.Root()
					got, err := io.ReadAll(s.Base64Reader())
					require.NoError(t, err, text)
					require.Equal(t, data, append([]byte{}, got...), text)
				}
			}
		}
	}
	for _, bad := range []string{"QUJ&#0;D", "QUJ&#x2A;", "QU&#61;&#61;QUJD", "&#61;QUJ", "QUJ&#x141;", "QUJ&quot;", "QUJ&#;", "QUJ&"} {
		_, err := io.ReadAll(base64Reader(bad))
		require.Error(t, err, bad)
	}
}
