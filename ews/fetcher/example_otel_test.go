package fetcher_test

import (
	"context"
	"fmt"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// meter stands for OpenTelemetry's metric.Meter, and observer for its metric.Observer, whose ObserveInt64 and ObserveFloat64 take an
// instrument in place of a name. So this module does not depend on OpenTelemetry.
type (
	meter struct {
		callback func(context.Context, observer) error
	}
	observer func(instrument string, value float64)
)

func (m *meter) RegisterCallback(f func(context.Context, observer) error) { m.callback = f }

// The counters for OpenTelemetry: the callback of observable instruments asks for them when they are wanted.
func ExampleFetcher_Stats_openTelemetry() {
	mailbox, end := exchange()
	defer end()
	f, err := fetcher.New(mailbox, ews.Inbox, &fetcher.Options{
		Store: fetcher.NewMemoryStore(), Once: true,
		Handler: func(context.Context, *ews.Message) error { return nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	meter := &meter{} // otel.Meter("helpdesk")
	meter.RegisterCallback(func(_ context.Context, o observer) error {
		st := f.Stats()
		o("mail.handled", float64(st.Handled))         // Int64ObservableCounter
		o("mail.quarantined", float64(st.Quarantined)) // Int64ObservableCounter
		o("mail.lag", st.Lag.Seconds())                // Float64ObservableGauge, metric.WithUnit("s")
		return nil
	})

	err = f.Run(context.Background())
	if err == nil {
		err = meter.callback(context.Background(), func(instrument string, value float64) { fmt.Println(instrument, value) })
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// mail.handled 1
	// mail.quarantined 0
	// mail.lag 0
}
