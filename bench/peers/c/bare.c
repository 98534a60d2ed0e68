/* The limit: a serial line is read, and each line of it is written into a file that has its
 * blocks already, and synced. Nothing is delivered.
 *
 *   bare TTY FILE
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
	static char zeros[1 << 20];
	char line[4096], in[4096];
	size_t length = 0;
	off_t end = 0;
	int tty, file, i;
	ssize_t n;

	if (argc != 3 || (tty = open(argv[1], O_RDWR | O_NOCTTY)) < 0 || (file = open(argv[2], O_RDWR | O_CREAT, 0600)) < 0)
		return 1;
	for (i = 0; i < 4; i++)
		if (write(file, zeros, sizeof zeros) != sizeof zeros)
			return 1;
	if (fsync(file) != 0)
		return 1;
	while ((n = read(tty, in, sizeof in)) > 0) {
		for (i = 0; i < n; i++) {
			if (in[i] != '\r') {
				if (length < sizeof line)
					line[length++] = in[i];
				continue;
			}
			if (pwrite(file, line, length, end) < 0 || fdatasync(file) != 0)
				return 1;
			end += length;
			length = 0;
		}
	}
	return 0;
}
