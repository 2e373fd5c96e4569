package ewstest_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/internal/servers"
)

// TestDavMail runs a session of an IMAP and SMTP client against DavMail, whose server the fake is.
func TestDavMail(t *testing.T) {
	davmail, err := exec.LookPath("davmail")
	if err != nil {
		t.Skip("davmail is not installed")
	}
	py, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	f := start(t, &ewstest.Options{NoGzip: true})
	bob := f.AddMailbox("bob@example.com")
	f.deliver(t, "From: Ann <ann@example.org>\nTo: support@example.com\nSubject: first\nDate: Mon, 2 Mar 2026 10:00:00 +0100\n\nHello.\n")
	f.deliver(t, "From: Ann <ann@example.org>\nSubject: =?utf-8?q?s=C3=A9cond?=\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nSee.\n--B\nContent-Type: application/octet-stream; name=data.bin\nContent-Disposition: attachment; filename=data.bin\nContent-Transfer-Encoding: base64\n\nAAECaGVsbG8=\n--B--\n")

	// DavMail signs in with a password; what is behind wants a token.
	const password = "secret"
	exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); !ok || user != us || pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="exchange"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Set("Authorization", "Bearer signed-in")
		f.ServeHTTP(w, r)
	}))
	defer exchange.Close()

	dir := t.TempDir()
	ports := []string{servers.Port(t), servers.Port(t)}
	log := filepath.Join(dir, "davmail.log")
	properties := fmt.Sprintf(`davmail.server=true
davmail.mode=EWS
davmail.url=%s/EWS/Exchange.asmx
davmail.imapPort=%s
davmail.smtpPort=%s
davmail.allowRemote=false
davmail.disableUpdateCheck=true
davmail.enableKerberos=false
davmail.ssl.nosecureimap=true
davmail.smtpSaveInSent=true
davmail.logFilePath=%s
log4j.rootLogger=WARN
log4j.logger.davmail=DEBUG
`, exchange.URL, ports[0], ports[1], log)
	file := filepath.Join(dir, "davmail.properties")
	require.NoError(t, os.WriteFile(file, []byte(properties), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	gateway := exec.CommandContext(ctx, davmail, "-server", file)
	gateway.Env = append(os.Environ(), "HOME="+dir, "_JAVA_OPTIONS=-Xmx128m -XX:+UseSerialGC -Duser.home="+dir)
	require.NoError(t, gateway.Start())
	defer func() {
		_ = gateway.Process.Kill()
		_ = gateway.Wait()
	}()
	for _, port := range ports {
		for {
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err == nil {
				c.Close()
				break
			}
			require.NoError(t, ctx.Err(), "DavMail does not listen")
			time.Sleep(50 * time.Millisecond)
		}
	}
	out, err := exec.CommandContext(ctx, py, "testdata/davmail.py", ports[0], ports[1], us, password).CombinedOutput()
	if err != nil || lastLine(string(out)) != "ok" {
		requests := f.Requests()
		for _, r := range requests[max(0, len(requests)-5):] {
			t.Logf("%s %v\n%s", r.Operation, r.Codes, r.Body)
		}
		b, _ := os.ReadFile(log)
		t.Fatalf("%v\n%s\n%s", err, out, b[max(0, len(b)-3000):])
	}
	wasAsked(t, f, "FindFolder", "CreateFolder", "FindItem", "GetItem", "UpdateItem", "CopyItem", "MoveItem", "CreateItem")
	in := bob.Items("inbox")
	require.Len(t, in, 1)
	require.Equal(t, "via DavMail ✓", in[0].Subject)
	require.Len(t, in[0].Attachments, 1)
}
