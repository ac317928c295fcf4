#ifndef EAL_DOORBELL_H
#define EAL_DOORBELL_H
#include "eal/common.h"

/* How a device is told that there is something for it: what to write, and where. */
enum doorbell_kind {
	DOORBELL_NONE,    /* nobody is told */
	DOORBELL_EVENTFD, /* one, to the eventfd `fd` */
	DOORBELL_STORE,   /* `value`, to the address `where` of a mapped BAR */
	DOORBELL_PWRITE,  /* `value`, to the file `fd` at offset `where` */
	DOORBELL_OUT,     /* `value`, to `port`; as PWRITE says where that is not allowed */
};

/* Python writes by doorbell_set, who kicks reads. */
struct doorbell {
	uint32_t kind; /* enum doorbell_kind */
	int32_t fd;
	uint64_t where;
	uint16_t port;
	uint16_t value;
};

/* Make it another one, or none. An lcore may be ringing it, and then may still ring the old one;
 * two devices' bells are not mixed if lcores left the queue alone in between. */
void doorbell_set(struct doorbell *bell, const struct doorbell *to);

/* What was written to memory before is seen by a device that hears it. Never blocks for long, and
 * what cannot be delivered is lost: the device is going, of which the control plane hears. */
void doorbell_ring(const struct doorbell *bell);

/* Write one to an eventfd. A counter that is full has been told already, so it is not waited for.
 */
void eventfd_notify(int fd);

/* C only */

#endif
