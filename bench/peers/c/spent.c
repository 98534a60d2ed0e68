/* Runs a command and writes, as its own last line, how long it took in microseconds and how
 * much memory it took at one time in kibibytes. It is a small program because the kernel
 * counts the memory of whoever starts a process into the most that the process ever had.
 *
 *   spent FILE COMMAND ARGUMENT...
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct timeval began, ended;
	struct rusage used;
	int status;
	FILE *out;
	pid_t child;

	if (argc < 3)
		return 2;
	gettimeofday(&began, 0);
	child = fork();
	if (child < 0)
		return 2;
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(child, &status, 0, &used) < 0)
		return 2;
	gettimeofday(&ended, 0);
	if ((out = fopen(argv[1], "w")) == 0)
		return 2;
	fprintf(out, "%ld %ld\n", (ended.tv_sec - began.tv_sec) * 1000000L + ended.tv_usec - began.tv_usec, used.ru_maxrss);
	return fclose(out) != 0 || !WIFEXITED(status) ? 2 : WEXITSTATUS(status);
}
