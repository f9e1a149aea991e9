from busybox as x
run echo hi
cmd ["a"]
