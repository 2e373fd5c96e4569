package ewstest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPushSubscription(t *testing.T) {
	f := start(t, nil)
	got := make(chan *element, 10)
	status := make(chan string, 10)
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		keep(t, b)
		got <- parse(t, b)
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><SendNotificationResult xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"><SubscriptionStatus>%s</SubscriptionStatus></SendNotificationResult></s:Body></s:Envelope>`, <-status)
	}))
	defer client.Close()
	e := f.do(t, subscribe("PushSubscriptionRequest", "<t:StatusFrequency>1</t:StatusFrequency><t:URL>"+client.URL+"/ews</t:URL>"))
	sid := e.text("SubscriptionId")
	first := <-got
	require.Len(t, first.all("StatusEvent"), 1, "the server asks at once whether anybody is there")
	require.Equal(t, sid, first.text("SubscriptionId"))
	status <- "OK"
	id := f.deliver(t, "Subject: x\n\n")
	second := <-got
	require.Equal(t, id, second.at("NewMailEvent", "ItemId").attr("Id"))
	status <- "Unsubscribe"
	require.Eventually(t, func() bool {
		e := f.do(t, `<m:GetEvents><m:SubscriptionId>`+sid+`</m:SubscriptionId><m:Watermark>x</m:Watermark></m:GetEvents>`)
		return e.codes()[0] == "ErrorSubscriptionNotFound"
	}, 10*time.Second, time.Millisecond)
	bad := f.do(t, subscribe("PushSubscriptionRequest", "<t:StatusFrequency>1</t:StatusFrequency><t:URL>nowhere</t:URL>"))
	require.Equal(t, []string{"ErrorInvalidPushSubscriptionUrl"}, bad.codes())
}
