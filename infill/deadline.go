package infill

import (
	"context"
	"errors"
	"time"
)

// due is a context that ends with a fill's deadline, or with the context of who
// asked: the first leaves something to return, the second nobody to return it to.
type due struct {
	context.Context
	parent context.Context
	at     time.Time // zero for never
}

func dueAt(parent context.Context, at time.Time) (due, context.CancelFunc) {
	if at.IsZero() {
		return due{Context: parent, parent: parent}, func() {}
	}
	ctx, stop := context.WithDeadline(parent, at)
	return due{ctx, parent, at}, stop
}

// passed tells whether an error is the deadline's.
func (d due) passed(err error) bool {
	return err != nil && !d.at.IsZero() && d.parent.Err() == nil && errors.Is(d.Context.Err(), context.DeadlineExceeded)
}

// before tells whether the deadline comes before something of a duration is done.
func (d due) before(took time.Duration) bool {
	return !d.at.IsZero() && time.Until(d.at) < took
}
