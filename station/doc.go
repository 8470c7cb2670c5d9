// Package station makes actors out of addresses that own their mail.
package station
