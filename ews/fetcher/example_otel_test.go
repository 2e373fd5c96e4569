package fetcher_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// observe gives a fetcher's counters to OpenTelemetry: meter is otel.Meter("helpdesk") of a program that has set up its SDK. The instruments
// are read when the SDK collects, and cost nothing in between. Unregister ends that.
func observe(meter metric.Meter, f *fetcher.Fetcher) (metric.Registration, error) {
	handled, err := meter.Int64ObservableCounter("mail.handled", metric.WithUnit("{message}"), metric.WithDescription("messages acknowledged by the handler"))
	if err != nil {
		return nil, err
	}
	quarantined, err := meter.Int64ObservableCounter("mail.quarantined", metric.WithUnit("{message}"), metric.WithDescription("messages given up and moved away"))
	if err != nil {
		return nil, err
	}
	open, err := meter.Int64ObservableUpDownCounter("mail.open", metric.WithUnit("{message}"), metric.WithDescription("messages under way"))
	if err != nil {
		return nil, err
	}
	lag, err := meter.Float64ObservableGauge("mail.lag", metric.WithUnit("s"), metric.WithDescription("age of the oldest message under way for the first time"))
	if err != nil {
		return nil, err
	}
	source := metric.WithAttributes(attribute.String("mail.source", f.Source()))
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		st := f.Stats()
		o.ObserveInt64(handled, st.Handled, source)
		o.ObserveInt64(quarantined, st.Quarantined, source)
		o.ObserveInt64(open, int64(st.Open), source)
		o.ObserveFloat64(lag, st.Lag.Seconds(), source)
		return nil
	}, handled, quarantined, open, lag)
}

// The counters for OpenTelemetry: observe, above, is to be pasted. sdk stands in for the program's.
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
	sdk := new(printingMeter) // otel.Meter("helpdesk")
	registration, err := observe(sdk, f)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer registration.Unregister()

	err = f.Run(context.Background())
	if err == nil {
		err = sdk.collect(context.Background(), printer{}) // the SDK does, every minute or when it is asked
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// mail.handled {message} 1 mail.source=help@example.com/inbox
	// mail.quarantined {message} 0 mail.source=help@example.com/inbox
	// mail.open {message} 0 mail.source=help@example.com/inbox
	// mail.lag s 0 mail.source=help@example.com/inbox
}
