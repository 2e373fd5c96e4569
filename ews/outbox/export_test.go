package outbox

// Step lets a test end a worker before or after anything that has an effect.
func (b *Outbox) Step(step func(what string)) { b.step = step }

// Without turns a guard off, by name.
func (b *Outbox) Without(guard string) { b.without = guard }

// Judge is the verdict on an error, as a word.
func Judge(err error) string {
	return [...]string{"passing", "permanent", "blocked", "interrupted"}[judge(err)]
}

// Clock replaces the database's clock by another expression of SQL.
func (b *Outbox) Clock(now string) { b.now = now }
