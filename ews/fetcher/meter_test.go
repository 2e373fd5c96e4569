package fetcher_test

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// printingMeter is the part of an OpenTelemetry SDK that the example needs: it prints what is observed, so that the example is a test.
type printingMeter struct {
	noop.Meter
	collect metric.Callback
}

func (m *printingMeter) RegisterCallback(f metric.Callback, _ ...metric.Observable) (metric.Registration, error) {
	m.collect = f
	return noop.Registration{}, nil
}

func (m *printingMeter) Int64ObservableCounter(name string, o ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return counter{named: named(name + " " + metric.NewInt64ObservableCounterConfig(o...).Unit())}, nil
}

func (m *printingMeter) Int64ObservableUpDownCounter(name string, o ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	return upDown{named: named(name + " " + metric.NewInt64ObservableUpDownCounterConfig(o...).Unit())}, nil
}

func (m *printingMeter) Float64ObservableGauge(name string, o ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	return gauge{named: named(name + " " + metric.NewFloat64ObservableGaugeConfig(o...).Unit())}, nil
}

// Instruments with a name.
type (
	named   string
	counter struct {
		noop.Int64ObservableCounter
		named
	}
	upDown struct {
		noop.Int64ObservableUpDownCounter
		named
	}
	gauge struct {
		noop.Float64ObservableGauge
		named
	}
)

func (n named) String() string { return string(n) }

type printer struct{ noop.Observer }

func (printer) ObserveInt64(in metric.Int64Observable, v int64, o ...metric.ObserveOption) {
	show(in, v, metric.NewObserveConfig(o))
}

func (printer) ObserveFloat64(in metric.Float64Observable, v float64, o ...metric.ObserveOption) {
	show(in, v, metric.NewObserveConfig(o))
}

func show(instrument, value any, c metric.ObserveConfig) {
	set := c.Attributes()
	line := fmt.Sprint(instrument, " ", value) // an instrument's String is its name and unit
	for _, kv := range set.ToSlice() {
		line += fmt.Sprintf(" %s=%s", kv.Key, kv.Value.String())
	}
	fmt.Println(line)
}
