-- Lacuna in Neovim 0.12 or later: the language server, its suggestions as ghost
-- text, a key that accepts them and a command that fills the hole under the
-- cursor. Everything rests on Neovim's own LSP client.
local M = {}

local method = 'textDocument/inlineCompletion'

--- What a request for suggestions was asked about.
--- @class lacuna.Asked
--- @field tick integer changedtick of the buffer
--- @field col integer column of the cursor, in bytes

--- Requests under way, by client and request, and the answered one of each buffer.
--- @type table<string, lacuna.Asked>, table<integer, lacuna.Asked>
local pending, answered = {}, {}

--- @param event vim.api.keyset.create_autocmd.callback_args of LspRequest
local function follow(event)
  local request = event.data.request
  if request.method ~= method then
    return
  end
  local key = event.data.client_id .. ' ' .. event.data.request_id
  if request.type == 'pending' then
    pending[key] = {
      tick = vim.api.nvim_buf_get_changedtick(request.bufnr),
      col = vim.api.nvim_win_get_cursor(0)[2],
    }
    return
  end
  if request.type == 'complete' then
    answered[request.bufnr] = pending[key]
  end
  pending[key] = nil
end

--- Makes an item safe to accept after the user typed on since it was asked for.
---
--- Neovim keeps showing an item for the 200 ms before it asks again, and applies
--- it at the range the item came with: what was typed meanwhile would be there
--- twice. So where the typed text is what the item says anyway only the rest is
--- inserted, and the item is refused otherwise.
---
--- @param item vim.lsp.inline_completion.Item
--- @return vim.lsp.inline_completion.Item? nil when the item no longer fits
local function mend(item)
  local text, range = item.insert_text, item.range
  if type(text) ~= 'string' or not range then
    return item
  end
  local buf = vim.api.nvim_get_current_buf()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local start_row, start_col, end_row, end_col = range:to_extmark()
  local asked = answered[buf]
  -- An item replaces at least what stands between its start and the cursor. One
  -- that ends before is older than the latest answer, which was an error then.
  local reaches = end_row > row - 1 or end_row == row - 1 and end_col >= col
  if reaches and asked and asked.tick == vim.api.nvim_buf_get_changedtick(buf) then
    return item
  end
  if start_row ~= row - 1 or end_row ~= start_row or start_col > col then
    return nil
  end
  -- A range beyond the cursor of old replaces text that has moved since.
  if asked and end_col > asked.col then
    return nil
  end
  local typed = vim.api.nvim_get_current_line():sub(start_col + 1, col)
  if not vim.startswith(text, typed) then
    return nil
  end
  -- Without a range Neovim inserts at the cursor.
  item.range, item.insert_text = nil, text:sub(#typed + 1)
  return item
end

--- Accepts the ghost text. Usable in an <expr> mapping.
--- @return boolean # false when there is none
function M.accept()
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local mended = mend(item)
      if not mended then
        -- Accepting has cancelled the request under way: ask again.
        vim.api.nvim_exec_autocmds('CursorMovedI', { buffer = 0 })
      end
      return mended
    end,
  })
end

--- Fills the hole under the cursor, whole function bodies included.
function M.fill()
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      local command = type(action.command) == 'table' and action.command.command or action.command
      return type(command) == 'string' and vim.startswith(command, 'lacuna.')
    end,
  })
end

--- Runs a command of the server's. It shows its answer itself.
--- @param name string
local function run(name)
  local client = vim.lsp.get_clients({ bufnr = 0, name = 'lacuna' })[1]
  if not client then
    vim.notify('lacuna is not attached to this buffer: see :checkhealth vim.lsp', vim.log.levels.WARN)
    return
  end
  client:request('workspace/executeCommand', { command = name }, function(err)
    if err then
      vim.notify(err.message, vim.log.levels.ERROR)
    end
  end)
end

--- Says what became of the latest request for a suggestion, and why.
function M.explain()
  run('lacuna.explain')
end

--- Says how the server is: model, open documents, requests.
function M.status()
  run('lacuna.status')
end

--- Maps a key to accept the ghost text and, where there is none, to do what it
--- did before (Neovim's own <Tab> jumps in snippets).
--- @param key string
local function map(key)
  local before = vim.fn.maparg(key, 'i', false, true)
  vim.keymap.set('i', key, function()
    if M.accept() then
      return ''
    end
    return before.expr == 1 and before.callback and before.callback() or key
  end, { expr = true, desc = 'Accept the suggestion of Lacuna' })
end

--- @class lacuna.Options
--- @field accept? string|false key that accepts the ghost text in insert mode (default <Tab>), false for none

--- @param options? lacuna.Options
function M.setup(options)
  if vim.fn.has('nvim-0.12') == 0 then
    error('lacuna needs Neovim 0.12 or later: earlier ones have no inline completion')
  end
  options = vim.tbl_extend('keep', options or {}, { accept = '<Tab>' })

  local group = vim.api.nvim_create_augroup('lacuna', {})
  vim.api.nvim_create_autocmd('LspAttach', {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == 'lacuna' then
        vim.lsp.inline_completion.enable(true, { bufnr = event.buf })
      end
    end,
  })
  vim.api.nvim_create_autocmd('LspRequest', { group = group, callback = follow })
  vim.api.nvim_create_autocmd('BufWipeout', {
    group = group,
    callback = function(event)
      answered[event.buf] = nil
    end,
  })
  vim.api.nvim_create_user_command('LacunaFill', M.fill, { desc = 'Fill the hole under the cursor' })
  vim.api.nvim_create_user_command('LacunaExplain', M.explain, { desc = 'Why did nothing show, or this?' })
  vim.api.nvim_create_user_command('LacunaStatus', M.status, { desc = 'How is the language server?' })
  if options.accept then
    map(options.accept)
  end
  vim.lsp.enable('lacuna')
end

return M
