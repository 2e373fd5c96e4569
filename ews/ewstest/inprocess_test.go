package ewstest_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// bubble is a fixture without sockets, for synctest.
func bubble(t *testing.T, o *ewstest.Options) *fixture {
	f := &fixture{Server: ewstest.New(o), bearer: "token", header: http.Header{}}
	tr := f.Transport()
	tr.DisableCompression = true
	f.http = &http.Client{Transport: tr}
	t.Cleanup(func() { tr.CloseIdleConnections(); f.Close() })
	f.mb = f.AddMailbox(us)
	return f
}

func TestStreamInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bubble(t, nil)
		sid := f.do(t, subscribe("StreamingSubscriptionRequest", "")).text("SubscriptionId")
		began := time.Now()
		go func() {
			time.Sleep(100 * time.Second)
			f.deliver(t, "Subject: x\n\n")
		}()
		resp, err := f.http.Do(f.request(t, `<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>`+sid+`</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>3</m:ConnectionTimeout></m:GetStreamingEvents>`))
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(bufio.NewReader(resp.Body))
		require.NoError(t, err)
		require.Equal(t, 3*time.Minute, time.Since(began))
		docs := strings.SplitAfter(string(b), "</s:Envelope>")
		var kinds []string
		for _, d := range docs[:len(docs)-1] {
			e := parse(t, []byte(d))
			kinds = append(kinds, e.text("ConnectionStatus")+strings.Repeat("N", len(e.all("NewMailEvent"))))
		}
		require.Equal(t, []string{"OK", "OK", "OK", "N", "OK", "Closed"}, withoutRace(kinds))
	})
}

// withoutRace drops the heartbeat that falls on the same instant as the end: which of the two comes first is open.
func withoutRace(kinds []string) []string {
	if n := len(kinds); n == 7 && kinds[5] == "OK" {
		return append(kinds[:5:5], kinds[6])
	}
	return kinds
}

func TestDelaysInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := bubble(t, &ewstest.Options{Latency: time.Hour})
		began := time.Now()
		f.Fault(ewstest.Fault{Do: ewstest.Delay(time.Hour)})
		require.Equal(t, []string{"NoError"}, f.do(t, getFolder).codes())
		require.Equal(t, 2*time.Hour, time.Since(began))
		f.Fault(ewstest.Fault{Do: ewstest.CutBody(100)})
		_, b, err := f.post(t, getFolder)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Len(t, b, 100)
	})
}
