package keyringstore_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/tokenstore"
	"github.com/ewsmail/ewsmail/tokenstore/keyringstore"
	"github.com/ewsmail/ewsmail/tokenstore/storetest"
)

// inSession names the test that a child process runs for itself.
const inSession = "KEYRINGSTORE_TEST_SESSION"

// child runs the test in a process of its own.
func child(t *testing.T, env []string, before ...string) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	run := "^" + t.Name() + "$"
	if os.Getenv("EWSMAIL_LONG") == "" {
		run += "/^([^KI]|Inv)" // without KeysOfAnyBytes and Interrupted: this keyring writes all it holds at each change
	}
	args := append(before, exe, "-test.run="+run, "-test.v", "-test.timeout=12m")
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(env, inSession+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	if testing.Verbose() {
		t.Logf("%s", out)
	}
}

// busConfig is a session bus that starts no services: whoever asks for the keyring too early would get another daemon than ours, which is locked.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// TestSecretService runs the contract on GNOME Keyring, in a D-Bus session and with a keyring of its own.
func TestSecretService(t *testing.T) {
	if os.Getenv(inSession) != "" {
		contractOnSecretService(t)
		return
	}
	bus, err := exec.LookPath("dbus-run-session")
	daemon, derr := exec.LookPath("gnome-keyring-daemon")
	if err = errors.Join(err, derr); err != nil {
		t.Skipf("no Secret Service (Debian: dbus-daemon, gnome-keyring): %v", err)
	}
	home, run := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chmod(run, 0o700))
	// The keyring gets an empty password, on standard input, and ends with the session.
	script := `printf '\n' | ` + daemon + ` --foreground --unlock --components=secrets >/dev/null 2>&1 & pid=$!
		"$@"; status=$?; kill $pid; wait; exit $status`
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + run, "LANG=C.UTF-8"}
	config := home + "/bus.conf"
	require.NoError(t, os.WriteFile(config, []byte(busConfig), 0o600))
	child(t, env, bus, "--config-file="+config, "--", "sh", "-c", script, "sh")
}

func contractOnSecretService(t *testing.T) {
	var services atomic.Int32
	open := func(t *testing.T) (*keyringstore.Store, error) {
		return keyringstore.New(t.Context(), fmt.Sprint("test ", services.Add(1)), &keyringstore.Options{LockDir: t.TempDir() + "/locks"})
	}
	require.Eventually(t, func() bool { _, err := open(t); return err == nil }, 2*time.Minute, 50*time.Millisecond, "the daemon answers")
	storetest.Run(t, func(t *testing.T) tokenstore.Store {
		s, err := open(t)
		require.NoError(t, err)
		return s
	})
}

// TestNoSecretService is a server without a desktop session: the error says so at once, and what to use instead.
func TestNoSecretService(t *testing.T) {
	if os.Getenv(inSession) == "" {
		child(t, []string{"PATH=/nowhere", "HOME=" + t.TempDir()})
		return
	}
	began := time.Now()
	_, err := keyringstore.New(t.Context(), "test", &keyringstore.Options{LockDir: t.TempDir() + "/locks"})
	require.ErrorIs(t, err, keyringstore.ErrUnavailable)
	require.ErrorContains(t, err, "NewFileStore")
	require.True(t, strings.Contains(err.Error(), "dbus") || strings.Contains(err.Error(), "D-Bus"), err.Error())
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, time.Since(began), 10*time.Second)
}
