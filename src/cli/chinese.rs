//! The Chinese texts of commands and flags. English stands where the command is written; a test says that no command
//! and no flag lacks its text here, and that no text here lacks its flag. Global flags have both texts in the table
//! of settings.

use super::setting::TABLE;

/// Command paths, without `maibot`, and what the commands do.
const ABOUT: &[(&str, &str)] = &[
    (
        "",
        "在 Kubernetes 上安装和维护麦麦（MaiBot）\n\n与 Helm 兼容的安装工具：命令和选项与 `helm` 相同，可以操作同一个 release；麦麦的 chart 已内置。",
    ),
    ("install", "安装麦麦，创建一个新的 release"),
    ("template", "渲染 chart 并输出清单"),
    ("dependency", "管理 chart 所依赖的 chart"),
    ("dependency build", "按 Chart.lock 把依赖取到 charts/"),
    ("dependency list", "列出 chart 的依赖及其状态"),
    ("dependency update", "按 Chart.yaml 选定版本，把依赖取到 charts/，并写入 Chart.lock"),
    ("lint", "检查 chart 中的错误\n\n省略 PATH 时，用你的 values 检查内置的 chart：`maibot lint -f maibot.yaml`。"),
    ("show", "显示 chart 自身的内容"),
    ("show all", "全部内容"),
    ("show chart", "Chart.yaml"),
    ("show crds", "CustomResourceDefinition"),
    ("show readme", "README"),
    ("show values", "默认的 values"),
    (
        "package",
        "把 chart 打包成压缩包\n\n其中各项的时间就是文件的时间，所以相同的文件得到相同的压缩包；设置了 SOURCE_DATE_EPOCH 时，任何一项都不会比它更新。",
    ),
    (
        "verify",
        "检查 chart 压缩包的签名\n\n签名在压缩包旁边的 provenance 文件中：`maibot-0.12.2.tgz` 对应 `maibot-0.12.2.tgz.prov`。",
    ),
    (
        "versions",
        "列出麦麦的各个 chart 以及与之配套的版本\n\n使用 --from 时，说明从该 chart 迁移会带来什么：更换的镜像、需要迁移的配置文件、需要重新同意的条款。",
    ),
    ("list", "列出 release"),
    ("status", "显示 release 的状态"),
    ("get", "输出 release 的记录内容"),
    ("get all", "全部内容"),
    ("get hooks", "hook"),
    ("get manifest", "清单"),
    ("get metadata", "chart、版本、状态和时间"),
    ("get notes", "安装说明"),
    ("get values", "values"),
    ("history", "显示 release 的修订历史"),
    ("uninstall", "卸载 release，数据会保留"),
    ("pull", "获取 chart 并写到本机"),
    ("push", "把 chart 压缩包推送到镜像仓库，连同它的 provenance 文件"),
    ("registry", "登录和退出镜像仓库"),
    ("registry login", "登录镜像仓库，并像 Helm 一样保存凭据"),
    ("registry logout", "删除镜像仓库的凭据"),
    ("explain", "解释消息代码"),
    ("version", "显示版本"),
    ("env", "以环境变量的形式显示各项设置"),
    ("completion", "输出 shell 的补全脚本"),
    ("man", "写出手册页"),
    ("help", "显示命令的帮助"),
];

/// What stands below the flags.
const AFTER: &[(&str, &str)] = &[
    (
        "",
        "从这里开始：\n  maibot install maimai -n bot --create-namespace -f maibot.yaml\n\n\
         `maibot help 命令` 查看命令的详细说明，`maibot explain 代码` 查看消息代码的说明。",
    ),
    (
        "install",
        "示例：\n  maibot install maimai -n bot --create-namespace -f maibot.yaml\n  \
         maibot install maimai -n bot --set EULA_AGREE=true --set PRIVACY_AGREE=true\n  \
         maibot install maimai -n bot -f maibot.yaml --dry-run=server",
    ),
    (
        "uninstall",
        "示例：\n  maibot uninstall maimai -n bot\n  maibot uninstall maimai -n bot --delete-data --confirm maimai",
    ),
    (
        "completion",
        "示例：\n  source <(maibot completion bash)                                  # 当前 shell\n  \
         maibot completion bash > /etc/bash_completion.d/maibot            # 所有 shell\n  \
         maibot completion zsh > \"${fpath[1]}/_maibot\"\n  \
         maibot completion fish > ~/.config/fish/completions/maibot.fish\n  \
         maibot completion powershell | Out-String | Invoke-Expression",
    ),
];

/// Headings of groups of flags.
const HEADINGS: &[(&str, &str)] = &[
    (super::global::COMMON_HEADING, "全局选项"),
    (super::global::OTHER_HEADING, "不常用的全局选项"),
    ("Options", "选项"),
    ("Values", "Values 选项"),
    ("Chart", "Chart 选项"),
    ("Waiting", "等待"),
    ("Data", "数据"),
];

/// Flags and arguments: the command path, or `*` for every command that has it, the parser's name of it, the text.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("*", "help", "显示帮助；-h 省略不常用的选项"),
    ("*", "program_version", "输出版本"),
    ("install", "name", "release 的名字"),
    ("template", "name", "release 的名字，默认为 release-name；目录、压缩包或地址会被当作 CHART"),
    ("*", "name", "release 的名字"),
    ("*", "names", "release 的名字，可以有多个"),
    ("env", "name", "只输出此变量的值"),
    ("*", "chart", "chart；省略则使用内置的 chart"),
    ("*", "create_namespace", "命名空间不存在时创建它"),
    ("*", "force_replace", "以替换代替修改来更新对象"),
    ("*", "force", "--force-replace 的旧写法"),
    ("*", "force_conflicts", "接管由其他程序管理的字段"),
    ("*", "server_side", "是否由 API server 合并改动，默认是"),
    ("*", "no_hooks", "不运行 hook"),
    ("*", "replace", "使用已失败，或卸载后保留了历史的 release 的名字"),
    ("*", "wait_for_jobs", "与 --wait 一起使用时，也等待 Job 完成"),
    ("*", "generate_name", "自动生成名字，此时唯一的参数是 CHART"),
    ("*", "name_template", "用于生成名字的模板"),
    ("uninstall", "description", "与 --keep-history 一起使用：修订版本的说明"),
    ("*", "description", "修订版本的说明"),
    ("*", "disable_openapi_validation", "不按 API server 的 schema 检查清单"),
    ("*", "rollback_on_failure", "安装失败时自动卸载"),
    ("*", "atomic", "--rollback-on-failure 的旧写法"),
    ("*", "skip_crds", "不安装 CustomResourceDefinition"),
    ("*", "render_subchart_notes", "同时显示子 chart 的说明"),
    ("*", "skip_schema_validation", "不按 chart 的 schema 检查 values"),
    ("*", "labels", "release 记录的标签：a=1,b=2"),
    ("*", "enable_dns", "允许模板查询 DNS"),
    ("*", "hide_notes", "不显示安装说明"),
    ("*", "take_ownership", "接管无主的，或属于其他 release 的对象"),
    ("*", "hide_secret", "与 --dry-run 一起使用时，不显示 Secret 的内容"),
    ("uninstall", "dry_run", "只显示将要做什么"),
    ("*", "dry_run", "只显示将要做什么：client 不访问集群，server 由集群检查"),
    ("*", "output", "结果的形式：table、json 或 yaml"),
    ("get values", "all", "包括 chart 的默认值"),
    ("list", "all", "所有状态；现在默认如此，这是 Helm 3 的写法"),
    ("*", "values", "values 文件或其 http(s) 地址，- 表示标准输入；可以用逗号或重复此选项给出多个，后面的优先"),
    ("*", "set", "设置一个值：a.b=c、a=1、a={x,y}、a[0].b=c、a=null；多个用逗号分隔"),
    ("*", "set_string", "同上，但值总是文本"),
    ("*", "set_file", "把值设为文件或 http(s) 地址的内容"),
    ("*", "set_json", "用 JSON 设置值：a={\"b\":1}，或一个完整的对象"),
    ("*", "set_literal", "把值设为原样的文本，包括其中的逗号"),
    ("package", "version", "写入 chart 的版本"),
    ("*", "app_version", "写入 chart 的应用版本"),
    ("*", "destination", "写入的目录"),
    ("package", "dependency_update", "先获取 chart 的依赖"),
    ("*", "sign", "对压缩包签名，旁边会有 provenance 文件"),
    ("*", "key", "签名所用密钥的名字，或其中一部分"),
    ("package", "keyring", "签名所用的私钥文件，由 `gpg --export-secret-keys` 导出"),
    ("verify", "keyring", "公钥文件，由 `gpg --export` 导出"),
    ("verify", "archive", "chart 的压缩包"),
    ("*", "passphrase_file", "存放密钥口令的文件，- 表示标准输入"),
    ("package", "charts", "chart 的目录，可以有多个"),
    ("*", "paths", "chart 的目录或压缩包，可以有多个"),
    ("*", "allow_schema_refs", "允许 chart 的 schema 引用 chart 之外的文件和网络地址"),
    ("lint", "strict", "把警告也当作错误"),
    ("*", "strict", "values 中有 MaiBot 的 chart 不认识的键时报错，而不只是警告"),
    ("*", "with_subcharts", "同时检查 charts/ 中的 chart"),
    ("dependency list", "folder", "chart；省略则为当前目录"),
    ("*", "folder", "chart 的目录；省略则为当前目录"),
    ("*", "max_col_width", "表格列的最大宽度，0 表示不限"),
    ("*", "skip_refresh", "不提仓库列表；maibot 不保存这种列表"),
    ("lint", "kube_version", "检查所针对的 Kubernetes 版本"),
    ("*", "jsonpath", "只输出此 JSONPath 模板从 values 得到的内容，例如 {.core.image.tag}"),
    ("*", "from", "从此版本的 chart 迁移会带来什么"),
    ("*", "to", "迁移到哪个 chart；省略则为内置的 chart"),
    ("versions", "remote", "向镜像仓库询问它有哪些 chart"),
    ("*", "charts", "chart：oci://…、https://….tgz，或与 --repo 一起使用的名字；可以有多个"),
    ("*", "untar", "解压 chart"),
    ("*", "untardir", "解压到 --destination 下的此目录"),
    ("*", "prov", "同时获取 chart 的 provenance 文件，但不检查"),
    ("*", "archive", "压缩包"),
    ("*", "remote", "推送到哪里：oci://HOST/FOLDER；会加上 chart 的名字和版本"),
    ("*", "ignored", "更多参数；Helm 接受它们但不使用"),
    ("*", "host", "镜像仓库的主机和端口"),
    ("registry login", "username", "用户名；省略则密码是 identity token"),
    ("registry login", "password", "密码或 identity token；他人可以在进程列表中看到它，--password-stdin 更安全"),
    ("*", "password_stdin", "从标准输入读取密码或 identity token"),
    ("*", "insecure", "不验证镜像仓库的证书"),
    ("*", "version", "chart 的版本，精确版本或范围，例如 ^0.12.0"),
    ("*", "verify", "使用前检查 chart 的签名"),
    ("*", "keyring", "--verify 使用的公钥"),
    ("*", "repo", "chart 所在仓库的地址"),
    ("*", "username", "仓库的用户名"),
    ("*", "password", "仓库的密码"),
    ("*", "cert_file", "访问仓库用的客户端证书"),
    ("*", "key_file", "客户端证书的私钥"),
    ("*", "insecure_skip_tls_verify", "不验证仓库的证书"),
    ("*", "plain_http", "不使用 TLS 访问镜像仓库"),
    ("*", "ca_file", "用于验证仓库的 CA 证书"),
    ("*", "pass_credentials", "把凭据发送给下载过程中的每一台主机"),
    ("*", "devel", "也使用预发布版本"),
    ("*", "dependency_update", "先获取 chart 缺少的依赖"),
    ("*", "post_renderer", "用于修改渲染后清单的程序"),
    ("*", "post_renderer_args", "--post-renderer 的参数，可以多次给出"),
    ("*", "wait", "等待什么：watcher（单独的 --wait 即此）、legacy，或 hookOnly 表示只等待 hook"),
    ("*", "timeout", "每一步最多用多长时间"),
    ("*", "show_only", "只输出匹配的模板产生的清单，例如 templates/core/*.yaml；可以多次给出"),
    ("*", "output_dir", "写入此目录中的文件，而不是输出"),
    ("*", "validate", "--dry-run=server 的旧写法"),
    ("*", "include_crds", "同时输出 CustomResourceDefinition"),
    ("*", "skip_tests", "不包括测试"),
    ("*", "is_upgrade", "按升级来渲染"),
    ("*", "kube_version", "渲染所针对的 Kubernetes 版本"),
    ("*", "api_versions", "除常用的以外，渲染所针对的 API 版本；多个用逗号分隔"),
    ("*", "release_name", "与 --output-dir 一起使用：文件放入以 release 命名的目录"),
    ("version", "short", "只显示版本和提交"),
    ("*", "short", "只显示名字"),
    ("*", "no_headers", "不显示表头"),
    ("*", "time_format", "时间的格式，按 Go 的写法：2006-01-02 15:04:05"),
    ("*", "date", "按日期排序，最早的在前"),
    ("*", "reverse", "倒序排列"),
    ("*", "uninstalled", "已卸载但保留了历史的"),
    ("*", "superseded", "已被更新的修订版本取代的"),
    ("*", "uninstalling", "正在卸载的"),
    ("*", "deployed", "已部署的"),
    ("*", "failed", "失败的"),
    ("*", "pending", "正在进行操作的"),
    ("*", "all_namespaces", "所有命名空间的"),
    ("history", "max", "只显示最新的若干个"),
    ("*", "max", "最多显示多少个，0 表示全部"),
    ("*", "offset", "跳过前面的若干个"),
    ("*", "filter", "只显示名字匹配此正则表达式的"),
    ("*", "selector", "只显示记录带有这些标签的：a=1,b!=2"),
    ("*", "revision", "指定修订版本，默认为最新的"),
    ("*", "show_desc", "显示说明；现在默认如此，这是 Helm 3 的写法"),
    ("*", "show_resources", "显示对象；现在默认如此，这是 Helm 3 的写法"),
    ("*", "template", "输出所用的 Go 模板"),
    ("*", "ignore_not_found", "release 不存在不算失败"),
    ("*", "keep_history", "保留 release 的记录"),
    ("*", "cascade", "如何处理从属对象：background、foreground 或 orphan"),
    ("*", "delete_data", "同时删除 PVC，以及麦麦的全部数据"),
    ("*", "confirm", "写出 release 的名字来确认 --delete-data；可以多次给出"),
    ("*", "yes", "不询问；但不足以删除数据"),
    ("*", "client", "客户端的版本；没有别的版本，这是 Helm 3 的写法"),
    ("*", "code", "代码，例如 MB3002；省略则列出全部代码"),
    ("*", "shell", "bash、zsh、fish 或 powershell"),
    ("*", "fixed", "生成不调用 maibot 的脚本：不补全 release、context 和命名空间的名字"),
    ("*", "no_descriptions", "补全时不显示说明"),
    ("*", "folder", "写入的目录；省略则输出 maibot 自身的手册页"),
    ("*", "path", "命令"),
];

fn find(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}

/// What the command of this path does.
pub(crate) fn about(path: &str) -> Option<&'static str> {
    find(ABOUT, path)
}

/// What stands below the flags of the command of this path.
pub(crate) fn after_help(path: &str) -> Option<&'static str> {
    find(AFTER, path)
}

/// A heading; unknown ones stay.
pub(crate) fn heading(english: &str) -> String {
    find(HEADINGS, english).unwrap_or(english).to_owned()
}

/// The text of a flag or argument: that of this command, or that of every command.
pub(crate) fn argument(path: &str, id: &str) -> Option<&'static str> {
    if let Some(row) = TABLE.iter().find(|row| row.flag == Some(id)) {
        // A flag of a command may have the name of a global one; then the command's own text stands above it.
        return Some(row.chinese);
    }
    let named = |wanted: &str| ARGUMENTS.iter().find(|(command, name, _)| *command == wanted && *name == id);
    named(path).or_else(|| named("*")).map(|(_, _, text)| *text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Command;

    use super::{ABOUT, AFTER, ARGUMENTS, HEADINGS, about, after_help, argument};
    use crate::cli::command;

    #[derive(Default)]
    struct Seen {
        paths: BTreeSet<String>,
        arguments: BTreeSet<(String, String)>,
        headings: BTreeSet<String>,
        missing: Vec<String>,
    }

    fn walk(command: &Command, path: &str, seen: &mut Seen) {
        seen.paths.insert(path.to_owned());
        if about(path).is_none() || command.get_about().is_none() {
            seen.missing.push(format!("about `{path}`"));
        }
        if command.get_after_help().is_some() != after_help(path).is_some() {
            seen.missing.push(format!("after `{path}`"));
        }
        for found in command.get_arguments() {
            let id = found.get_id().as_str();
            seen.arguments.insert((path.to_owned(), id.to_owned()));
            if argument(path, id).is_none() || found.get_help().is_none() {
                seen.missing.push(format!("`{path}` {id}"));
            }
            if let Some(heading) = found.get_help_heading() {
                seen.headings.insert(heading.to_owned());
            }
        }
        for subcommand in command.get_subcommands() {
            walk(subcommand, format!("{path} {}", subcommand.get_name()).trim_start(), seen);
        }
    }

    #[test]
    fn every_command_and_flag_has_its_chinese_text_and_no_text_is_left_over() {
        let mut seen = Seen::default();
        walk(&command::build(), "", &mut seen);
        assert_eq!(seen.missing, Vec::<String>::new());
        for (path, _) in ABOUT.iter().chain(AFTER) {
            assert!(seen.paths.contains(*path), "no command `{path}`");
        }
        for heading in &seen.headings {
            assert!(HEADINGS.iter().any(|(known, _)| known == heading), "heading `{heading}`");
        }
        for (path, id, _) in ARGUMENTS {
            let used = seen.arguments.iter().any(|(at, name)| name == id && (*path == "*" || at == path));
            assert!(used, "no flag `{id}` of `{path}`");
        }
    }
}
