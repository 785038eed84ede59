autocmd BufNewFile,BufRead *.hyper setfiletype hyper
