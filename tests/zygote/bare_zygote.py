"""A zygote that preloads nothing but its roles; otherwise the real one."""

from service.zygote import main

if __name__ == "__main__":
    main.main(preloaded=())
