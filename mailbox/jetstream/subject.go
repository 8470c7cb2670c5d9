package jetstream

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Subjects are an address's path with dots in place of slashes. What a token cannot
// hold is written as = and two hexadecimal digits.
//
//	troupe.mail.<partition>.<lane>.<address>    mail
//	troupe.later.<partition>.<lane>.<address>   mail that is not due
//	troupe.dead.<address>                       dead letters

const hexDigits = "0123456789abcdef"

// tokens returns an address as the end of a subject.
func tokens(address string) string {
	var b strings.Builder
	b.Grow(len(address) + 8)
	for i := 1; i < len(address); i++ {
		switch c := address[i]; {
		case c == '/':
			b.WriteByte('.')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteByte('=')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// address is the inverse of tokens.
func addressOf(tokens string) string {
	b := make([]byte, 1, len(tokens)+1)
	b[0] = '/'
	for i := 0; i < len(tokens); i++ {
		switch c := tokens[i]; {
		case c == '.':
			b = append(b, '/')
		case c == '=' && i+2 < len(tokens):
			n, _ := strconv.ParseUint(tokens[i+1:i+3], 16, 8)
			b = append(b, byte(n))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// partitionOf returns which of n partitions an address is in.
func partitionOf(address string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(address))
	return int(h.Sum32() % uint32(n))
}

func (s *Store) mailSubject(address string, lane int) string {
	return fmt.Sprintf("%s.mail.%d.%d.%s", s.prefix, partitionOf(address, s.partitions), lane, tokens(address))
}

func (s *Store) laterSubject(address string, lane int) string {
	return fmt.Sprintf("%s.later.%d.%d.%s", s.prefix, partitionOf(address, s.partitions), lane, tokens(address))
}

func (s *Store) deadSubject(address string) string { return s.prefix + ".dead." + tokens(address) }

// parseSubject returns what a subject of mail or delayed mail says.
func (s *Store) parseSubject(subject string) (address string, lane int, ok bool) {
	f := strings.SplitN(strings.TrimPrefix(subject, s.prefix+"."), ".", 4)
	if len(f) != 4 {
		return "", 0, false
	}
	lane, err := strconv.Atoi(f[2])
	return addressOf(f[3]), lane, err == nil && lane >= 0 && lane < 3
}

// below returns the subjects of addresses that are prefix or lie below it, behind head.
func below(head, prefix string) []string {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix == "" {
		return []string{head + ">"}
	}
	t := tokens(prefix)
	return []string{head + t, head + t + ".>"}
}
