package match

import "strings"

// An UnhandledError is the reason of a process that got a message which no
// clause matches. Find it in a reason with [errors.As].
//
// It is paragram's UnhandledMessage, and the function_clause error of Erlang.
type UnhandledError struct {
	// Message is the message as it was sent.
	Message any

	clauses []string
}

// Error shows the message, shortened, and the clauses that were tried on it.
func (e *UnhandledError) Error() string {
	var b strings.Builder
	b.WriteString("match: no clause matches the message ")
	b.WriteString(valueText(e.Message))
	if len(e.clauses) > 0 {
		b.WriteString("; the clauses are ")
		b.WriteString(strings.Join(e.clauses, ", "))
	}
	b.WriteString(": add a clause for it, or a match.CatchAll")
	return b.String()
}
